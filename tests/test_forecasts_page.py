"""The suite of docs/forecasts.md does what the page says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.cli import main
from anemoi.core.plugins import load

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "forecasts.md").read_text(encoding="utf-8")


TINY = "training.steps=2 training.rollout_steps=1 graph.refinement=1 model.channels=8 model.processor.num_layers=1"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """What a reader of the quickstart has trained, in less time."""
    run = tmp_path_factory.mktemp("quickstart") / "run"
    assert main(["train", "--output", str(run), *TINY.split()]) == 0
    return run / "checkpoint.safetensors"


@pytest.fixture
def suite(checkpoint, tmp_path, monkeypatch):
    """The file of the page, beside a checkpoint that lies where the page has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    place = tmp_path / re.search(r"^checkpoint: (.*)$", text, re.MULTILINE)[1]
    place.parent.mkdir(parents=True)
    shutil.copy(checkpoint, place)
    (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")
    return text


def opened(form, path):
    source = load("source", form)(path=str(path))
    return source, source.read(source.times)


def rounded(grid):
    longitudes = np.round(grid.longitudes % 360.0, 3) % 360.0
    return list(zip(np.round(grid.latitudes, 3).tolist(), longitudes.tolist(), strict=True))


def test_the_suite_of_the_page_is_made(suite, tmp_path, capsys):
    assert main(["forecast", "suite.yaml", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    files = [file["path"] for forecast in made["forecasts"] for file in forecast["files"]]
    dates = ("2025-12-22T00", "2025-12-22T12")
    assert sorted(files) == sorted(
        f"{date}{end}" for date in dates for end in (".zarr", "-europe.nc", "-chances.nc")
    )
    whole, fields = opened("zarr", "2025-12-22T00.zarr")
    assert (whole.variables, fields.shape[1]) == (("msl",), 2)

    europe, values = opened("netcdf", "2025-12-22T00-europe.nc")
    assert dict(europe.units) == {"msl": "hPa"}
    inside = europe.grid
    assert (34 <= inside.latitudes).all()
    assert (inside.latitudes <= 72).all()
    assert inside.field_shape is not None
    places = {place: point for point, place in enumerate(rounded(whole.grid))}
    points = [places[place] for place in rounded(inside)]
    np.testing.assert_allclose(values, fields[:, :, points] / 100.0, rtol=1e-6)

    chances, statistics = opened("netcdf", "2025-12-22T00-chances.nc")
    assert set(chances.variables) == {"msl", "msl_spread", "msl_below98000"}
    assert (len(chances.grid), statistics.shape[1]) == (37 * 72, 1)
    below = statistics[..., chances.variables.index("msl_below98000")]
    assert set(np.unique(below)) <= {0.0, 0.5, 1.0}


def test_what_the_page_changes_for_one_run_is_changed(suite, capsys):
    (line,) = re.findall(r"^anemoi forecast (suite.yaml --date .*)$", PAGE, re.MULTILINE)
    words = line.replace("'", "").replace("72h", "6h").split()
    assert main(["forecast", *words]) == 0
    assert "2025-12-23T00.zarr: msl at 10512 points, 4 members" in capsys.readouterr().out


def test_the_error_of_the_page_is_what_is_said(suite, tmp_path, capsys):
    (tmp_path / "suite.yaml").write_text(suite.replace("compression", "compresion"), encoding="utf-8")
    assert main(["forecast", "suite.yaml"]) == 2
    said = capsys.readouterr().err
    (expected,) = re.findall(r"```\n(Error: suite.yaml has.*?)```", PAGE, re.DOTALL)
    assert said == expected


@pytest.mark.parametrize("name", ["a=b #.zarr", "übung 日本.nc"])
def test_paths_of_any_letters(checkpoint, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["forecast", str(checkpoint), "--lead-time", "12h", "--output", name]
    assert (
        main(
            [*words, "--date", "2025-12-22T00", "--postprocess", f"{name}={{name: units, to: {{msl: hPa}}}}"]
        )
        == 0
    )
    form = "zarr" if name.endswith("zarr") else "netcdf"
    assert dict(opened(form, name)[0].units) == {"msl": "hPa"}
    # And a forecast goes on from there, converted back.
    words[-1] = f"next {name}"
    assert main([*words, "--date", "2025-12-22T12", "--source", name]) == 0
    assert "hPa" in capsys.readouterr().err


def test_each_perturbation_gives_members_that_differ_about_the_control(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(path, date, lead_time, *words):
        words = ["--date", date, "--lead-time", lead_time, "--output", path, *words]
        assert main(["forecast", str(checkpoint), *words]) == 0
        return opened("zarr", path)[1]

    control = made("control.zarr", "2025-12-22T00", "12h")
    earlier = made("earlier.zarr", "2025-12-21T12", "24h")
    for name, options in {"gaussian": "", "lagged": "", "bred": ", cycles: 2"}.items():
        assert f"`{name}`" in PAGE
        words = ["--members", "3", "--perturb", f"{{name: {name}{options}}}"]
        found = made(f"{name}.zarr", "2025-12-22T00", "12h", *words)
        np.testing.assert_array_equal(found[:, :1], control)
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert np.abs(found[:, one] - found[:, other]).max() > 1.0, (name, one, other)  # Pa
        if name == "lagged":
            np.testing.assert_array_equal(found[:, 2:], earlier[2:])
