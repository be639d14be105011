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


def test_statistics_are_computed_anew(make: Make) -> None:
    path = make()
    table = json.loads(run("statistics", path, "end=2020-01-31", "--json").stdout)
    np.testing.assert_allclose(table["t"]["stdev"], DATA[:4, 0].std(dtype="f8"))
    assert table["q"]["minimum"] == DATA[:4, 1].min()
    assert "minimum" in run("statistics", path, "select=[t]").stdout


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
