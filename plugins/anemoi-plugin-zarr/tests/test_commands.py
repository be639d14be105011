"""``anemoi data``, as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError
from click.testing import CliRunner, Result

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.commands.data import command

from .conftest import ARRAYS, DATA, TIMES, Make

REFERENCE = Path(__file__).parent / "data" / "reference.zarr.zip"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def right(**changes: float) -> dict[str, np.ndarray]:
    """The arrays with the statistics that the data have, some changed for the first variable."""
    values = DATA.astype("f8").transpose(1, 0, 2, 3).reshape(2, -1)
    found = {
        "mean": values.mean(axis=1),
        "stdev": values.std(axis=1),
        "minimum": values.min(axis=1),
        "maximum": values.max(axis=1),
    }
    for name, value in changes.items():
        found[name][0] = value
    return {**ARRAYS, **found}


def test_creates_from_words_and_inspects(make: Make, tmp_path: Path) -> None:
    target = tmp_path / "out.zarr"
    made = run("create", make(), "end=2020-01-31", "select=[q]", target, "--workers", 1)
    assert made.exit_code == 0, made.output
    assert "4 of 4 dates" in made.stderr
    assert str(target) in made.stdout
    found = json.loads(run("inspect", target, "--json").stdout)
    assert (found["start"], found["end"], found["frequency"]) == ("2020-01-31T00", "2020-01-31T18", "6h")
    assert (found["dates"], found["members"], found["grid"]["field_shape"]) == (4, 3, [2, 2])
    assert found["variables"]["q"]["maximum"] == DATA[:4, 1].max()
    told = run("inspect", target).stdout
    assert "2020-01-31T00 to 2020-01-31T18 every 6h, 4, none missing" in told
    assert "4 points (2 x 2)" in told


def test_missing_times_are_named(make: Make) -> None:
    path = make({"missing_dates": [str(TIMES[1]), str(TIMES[3])]})
    assert "2 missing (2020-01-31T06, 2020-01-31T18)\n" in run("inspect", path).stdout


def test_statistics_are_computed_anew(make: Make) -> None:
    path = make()
    table = json.loads(run("statistics", path, "end=2020-01-31", "--json").stdout)
    np.testing.assert_allclose(table["variables"]["t"]["stdev"], DATA[:4, 0].std(dtype="f8"))
    assert table["variables"]["q"]["minimum"] == DATA[:4, 1].min()
    # The values of DATA rise by as many as a state has.
    same = {"mean": 24.0, "stdev": 0.0, "minimum": 24.0, "maximum": 24.0}
    assert table["changes"] == {"6h": {"t": same, "q": same}}
    told = run("statistics", path, "select=[t]").stdout
    assert "minimum" in told
    assert "Changes over 6h:" in told
    assert json.loads(run("statistics", path, "end=2020-01-31T00", "--json").stdout)["changes"] == {}


def test_a_whole_data_set_is_said_to_be_whole() -> None:
    result = run("check", REFERENCE)
    # Its statistics are those of a part, and it has missing dates.
    assert (result.exit_code, result.stdout.split(": ")[1]) == (
        0,
        "6 dates were read, and the statistics are theirs.\n",
    )


def test_everything_that_is_wrong_is_told_at_once(make: Make) -> None:
    data = DATA.copy()
    data[2, 1, 0, 3] = np.nan
    path = make({"allow_nans": False}, right(), data)
    (path / "data" / "4.0.0.0").write_bytes(b"short")
    data[5, 0, 0, 0] = np.inf
    (path / "data" / "5.0.0.0").write_bytes(data[5].tobytes())
    result = run("check", path)
    assert isinstance(result.exception, AnemoiError)
    told = str(result.exception)
    assert "has 3 faults" in told
    assert "2020-01-31T12 have NaNs" in told
    assert "2020-02-01T00:00:00 cannot be read" in told
    assert "t have infinite values at 2020-02-01T06" in told
    assert run("check", path, "--json").exit_code == 2


@pytest.mark.parametrize("name", ["mean", "stdev", "minimum", "maximum"])
def test_statistics_of_other_data_are_told(make: Make, name: str) -> None:
    path = make(arrays=right(**{name: 1000.0}))
    result = run("check", path)
    assert isinstance(result.exception, AnemoiError)
    assert f"the {name} of t is" in str(result.exception)
    assert f"but array '{name}' says 1000" in str(result.exception)


def test_statistics_of_other_changes_are_told(make: Make) -> None:
    data = (DATA % 7) ** 2
    values = np.diff(data[1:5].astype("f8"), n=1, axis=0)  # the changes over 6 hours within the period
    over_12h = data[3:5].astype("f8") - data[1:3]
    arrays = right() | {
        f"statistics_tendencies_{duration}_{name}": getattr(changes, how)(axis=(0, 2, 3))
        for duration, changes in (("6h", values), ("12h", over_12h))
        for name, how in {"mean": "mean", "stdev": "std", "minimum": "min", "maximum": "max"}.items()
    }
    period = data[1:5].astype("f8").transpose(1, 0, 2, 3).reshape(2, -1)
    for name, how in {"mean": "mean", "stdev": "std", "minimum": "min", "maximum": "max"}.items():
        arrays[name] = getattr(period, how)(axis=1)
    arrays["statistics_tendencies_12h_stdev"] = arrays["statistics_tendencies_12h_stdev"] + [0, 3]
    path = make({"statistics_start_date": str(TIMES[1]), "statistics_end_date": str(TIMES[4])}, arrays, data)
    told = str(run("check", path).exception)
    assert "has a fault:" in told
    assert "the stdev of the changes of q over 12h is" in told
    assert "array 'statistics_tendencies_12h_stdev' says" in told
    found = json.loads(run("inspect", path, "--json").stdout)["changes"]
    assert list(found) == ["6h", "12h"]
    assert found["6h"]["t"]["mean"] == pytest.approx(values[:, 0].mean())
    assert "Changes over 12h:" in run("inspect", path).stdout


def test_what_is_said_to_be_constant_but_changes_is_told(make: Make) -> None:
    told = str(run("check", make({"constant_fields": ["q"]}, right())).exception)
    assert "has a fault:\n  q is said to be constant, but changes" in told


def test_the_part_of_each_variable_is_shown() -> None:
    path = REFERENCE.with_name("roles.zarr.zip")
    lines = run("inspect", path).stdout.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines[lines.index("Variables:") + 1 :][:9])
    assert shown == {
        "10fg": "diagnostic, may be missing, maximum over 6h, surface",
        "avg_sdswrf": "diagnostic, may be missing, averaged over 6h, surface",
        "cos_latitude": "forcing, constant, computed",
        "insolation": "forcing, computed",
        "lsm": "forcing, constant, may be missing, surface",
        "sst": "prognostic, may be missing, surface",
        "t_500": "prognostic, may be missing, pressure 500",
        "t_850": "prognostic, may be missing, pressure 850",
        "tp": "diagnostic, may be missing, accumulated over 6h, surface",
    }
    found = json.loads(run("inspect", path, "--json").stdout)["variables"]
    assert (found["tp"]["role"], found["tp"]["accumulated"]) == ("diagnostic", "6h")
    assert (found["t_850"]["level"], found["t_850"]["level_type"]) == (850.0, "pressure")


def test_converts_to_a_zip_file_and_back(make: Make, tmp_path: Path) -> None:
    path = make()
    there, back = tmp_path / "a.zarr.zip", tmp_path / "back.zarr"
    assert run("convert", path, there).exit_code == 0
    assert run("convert", there, back).exit_code == 0
    np.testing.assert_array_equal(ZarrSource(path=str(there)).read(TIMES), DATA.transpose(0, 2, 3, 1))
    for file in (file for file in path.rglob("*") if file.is_file()):
        assert (back / file.relative_to(path)).read_bytes() == file.read_bytes()
    assert isinstance(run("convert", path, there).exception, AnemoiError)
    assert run("convert", path, there, "--overwrite").exit_code == 0
    shutil.rmtree(path / "mean")
    assert "array 'mean' is missing" in str(run("convert", path, tmp_path / "b.zarr.zip").exception)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zarr.zip", "back.zarr", "made.zarr"]


@pytest.mark.parametrize(
    "arguments", [("create", "a.zarr", "out.zarr"), ("inspect", "a.zarr"), ("check", "a.zarr")]
)
def test_what_is_not_there_is_said(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "a.zarr does not exist" in str(run(*arguments).exception)
    assert list(tmp_path.iterdir()) == []
