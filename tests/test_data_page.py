"""The commands of docs/data.md do what the page says, on small files of the names that it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
import xarray as xr
from anemoi.core.cli import main
from anemoi.core.cli.main import command as anemoi
from anemoi.core.plugins import load

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
(RECIPE,) = re.findall(
    r"```yaml\n(# recipe.yaml.*?)```",
    (ROOT / "plugins/anemoi-plugin-zarr/docs/index.md").read_text("utf-8"),
    re.DOTALL,
)
COMMANDS = [
    re.sub(r"(?<=\S) {2,}.*", "", line)
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
FIELDS = {
    "temperature": "K", "geopotential": "m**2 s**-2", "2m_temperature": "K", "mean_sea_level_pressure": "Pa",
    "10m_u_component_of_wind": "m s**-1", "10m_v_component_of_wind": "m s**-1",
}  # fmt: skip
TIMES = np.datetime64("2000-01-01", "ns") + np.arange(6) * np.timedelta64(6, "h")


def store(path: Path) -> None:
    """Some hours in the layout of WeatherBench 2."""
    random = np.random.default_rng(0)
    axes = {
        "time": TIMES,
        "level": [500, 850],
        "latitude": np.arange(75, -90, -15.0),
        "longitude": np.arange(12) * 30.0,
    }
    made = {}
    for name, units in FIELDS.items():
        names = [axis for axis in axes if axis != "level" or name in ("temperature", "geopotential")]
        values = random.normal(280, 5, [len(axes[axis]) for axis in names]).astype("f4")
        made[name] = (names, values, {"units": units})
    made["total_precipitation_6hr"] = (names, abs(values) * 1e-5, {"units": "m"})
    xr.Dataset(made, axes).to_zarr(path, zarr_format=2)


def read(path: str) -> tuple[tuple[str, ...], dict[str, str], int]:
    source = load("source", "zarr")(path=path)
    assert np.isfinite(source.read(source.times)).all()
    return source.variables, dict(source.units), len(source.times)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    store(tmp_path / "era5.zarr")
    return tmp_path


def run(line: str, **places: str) -> None:
    words = shlex.split(line)
    assert words.pop(0) == "anemoi"
    for there, here in places.items():
        words = [word.replace(f"/{there}", here) for word in words]
    assert main(words) == 0, line


def test_the_example_of_the_help_text(files: Path) -> None:
    text = anemoi.get_command(click.Context(anemoi), "data").get_command(None, "create").help
    (example,) = re.findall(r"anemoi data create sample .*", text)
    run(example)
    source = load("source", "zarr")(path="OUT.zarr")
    assert str(source.times[-1]) == "2025-12-21T18:00:00"
    assert str(source.statistics_period[-1]) == "2025-12-19T18:00:00"


def test_all_of_them_are_run_here() -> None:
    assert len(COMMANDS) == 5


def test_from_a_store_of_fields_and_checked(files: Path) -> None:
    run(COMMANDS[0])
    assert read("OUT.zarr")[0] == ("t_850", "z_500", "2t")
    run(COMMANDS[3])


def test_from_grib(files: Path) -> None:
    (files / "grib").mkdir()
    words = ["data", "create", "era5.zarr", "select=[t_850,2t]", "start=2000-01-01T06", "in.zarr"]
    assert main(words) == 0
    source = load("source", "zarr")(path="in.zarr")
    from anemoi.core.interfaces import ForecastDescription, State

    start = np.datetime64("2000-01-01", "s")
    described = ForecastDescription(
        start, source.times - start, 1, source.variables, source.grid, source.units, {},
        frequency=source.frequency, metadata=source.metadata,
    )  # fmt: skip
    with load("output", "grib")(path="grib/a.grib", forecast=described) as output:
        for time in source.times:
            output.write(State(start, time - start, source.read([time])[0]))
    run(COMMANDS[1], era5=str(files / "grib"))
    assert read("OUT.zarr") == (("t_850", "2t"), {"2t": "K", "t_850": "K"}, 5)


def test_from_a_recipe_on_a_cluster(files: Path) -> None:
    pytest.importorskip("distributed")
    select = "select=[2t,msl,10u,10v,tp]"
    assert main(["data", "create", "era5.zarr", select, "IN.zarr"]) == 0
    Path("recipe.yaml").write_text(RECIPE)
    run(COMMANDS[2])
    variables, units, _ = read("OUT.zarr")
    assert variables == ("2t", "msl", "10u", "10v", "tp", "10si", "10wdir")
    assert units["msl"] == "hPa"


def test_with_filters(files: Path) -> None:
    assert main(["data", "create", "era5.zarr", "select=[2t,10u,10v,tp]", "IN.zarr"]) == 0
    run(COMMANDS[4].replace("sample-earth", "IN.zarr"))
    variables, units, _ = read("OUT.zarr")
    assert variables == ("10u", "10v", "tp", "10si", "10wdir")
    assert units["tp"] == "kg m**-2"


@pytest.mark.parametrize("name", ["a=b.zarr", "a#b.zarr", "with blanks.zarr", "übung-日本.zarr", "{x}.zarr"])
def test_paths_of_any_letters(files: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "create", "era5.zarr", "select=[2t]", name]) == 0
    for words in (["check"], ["inspect"], ["statistics"]):
        assert main(["data", *words, name]) == 0
    assert main(["data", "create", name, f"copy {name}"]) == 0
    assert main(["data", "convert", name, f"{name}.zip"]) == 0
    assert read(name) == read(f"copy {name}") == read(f"{name}.zip") == (("2t",), {"2t": "K"}, 6)


def test_tables_are_whole_at_any_width(files: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "create", "era5.zarr", "select=[2t,tp]", "OUT.zarr"]) == 0
    capsys.readouterr()
    for words in (["inspect"], ["check"], ["statistics"]):
        told = []
        for width in ("20", "400"):
            monkeypatch.setenv("COLUMNS", width)
            assert main(["data", *words, "OUT.zarr"]) == 0
            told.append(capsys.readouterr().out)
        assert told[0] == told[1]
        assert "…" not in told[0]
