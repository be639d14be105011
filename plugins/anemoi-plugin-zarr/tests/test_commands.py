"""``anemoi data``, as a user runs it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, RequestError
from anemoi.core.moments import Moments
from click.testing import CliRunner, Result

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.commands.data import command
from anemoi_plugin_zarr.implausible import implausible

from .conftest import ARRAYS, DATA, TIMES, Make, write_array

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


def test_create_logs_how_far_it_is_and_why_it_failed(make: Make, tmp_path: Path) -> None:
    log, source, target = tmp_path / "log", make(), tmp_path / "out.zarr"
    assert run("create", source, "end=2020-01-31", target, "--log-json", log).exit_code == 0
    events = [json.loads(line) for line in log.read_text().splitlines()]
    written = [(each["dates"], each["of"]) for each in events if each["event"] == "written"]
    assert written[-1] == (4, 4)
    assert written == sorted(written)
    assert (events[-1]["event"], events[-1]["path"]) == ("finished", str(target))
    assert run("create", source, target, "--log-json", log).exception is not None
    failed = json.loads(log.read_text().splitlines()[-1])
    assert failed["event"] == "failed"
    assert "out.zarr" in failed["error"]
    assert failed["exit_code"] != 0


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
    told = result.stdout
    assert result.exit_code == 1
    assert "has 3 faults" in told
    assert "2020-01-31T12 have NaNs" in told
    assert "2020-02-01T00:00:00 cannot be read" in told
    assert "t: 1 of 48 values are infinite, first at 2020-02-01T06" in told
    assert run("check", path, "--json").exit_code == 1


def test_fill_values_that_nobody_declared_and_missing_values_are_counted_by_variable(make: Make) -> None:
    data = DATA.copy()
    data[1:3, 0, :, 0] = 9999.0
    data[2, 0, 0, 1] = 1e20
    data[4, 1, 1, :3] = np.nan
    path = make({"variables_with_nans": []}, right(), data)
    told = run("check", path).stdout
    assert "t: 6 of 72 values are 9999, which looks like a fill value" in told
    assert "t: 1 of 72 values are 1e+20, which looks" in told
    assert "first at 2020-01-31T06" in told
    assert "q has missing values (NaN, 4.17%), but 'variables_with_nans' does not name it" in told
    assert "Missing values (NaN): q 4.17%." in told
    found = json.loads(run("check", path, "--json").stdout)
    assert found["missing"] == {"q": pytest.approx(3 / 72)}


@pytest.mark.parametrize(
    ("values", "units", "told"),
    [
        ([250.0, 260.0, 9999.0], "K", ["9999"]),
        ([250.0, -32767.0, 3.4028234663852886e38], "K", ["-32767", "3.40282e+38"]),
        ([0.0, 0.5, 9.969209968386869e36], "m", ["9.96921e+36"]),
        ([9999.0, 9999.0, np.nan], "K", ["9999"]),
        ([np.inf, 250.0, -999.0], "K", ["infinite", "-999"]),
        ([250.0, -1.0, 260.0], "K", ["below 0 K"]),
        ([-1.0, -20.0, 5.0], "degC", []),
        # Geopotential that ends in such a number, among its neighbours.
        ([9999.0, 9000.0, 2000.0], "m2 s-2", []),
        ([9999.0, 9998.0, 10000.0], "Pa", []),
        ([np.nan, np.nan, np.nan], "K", []),
        ([250.0, 999.0, 300.0], None, ["999"]),
    ],
)
def test_values_that_cannot_be_are_told_from_those_that_can(
    values: list[float], units: str | None, told: list[str]
) -> None:
    state = np.array(values, dtype="f4")
    moments = Moments.of(state[None])
    found = list(implausible(state, float(moments.minimum[0]), float(moments.maximum[0]), units))
    assert len(found) == len(told)
    for (what, count), word in zip(found, told, strict=True):
        assert word in what
        assert count == (2 if values[:2] == [9999.0, 9999.0] else 1)


def test_a_data_set_is_not_made_of_values_that_cannot_be(make: Make, tmp_path: Path) -> None:
    data = DATA.copy()
    data[1, 0, :, 0] = 9999.0
    path, target = make(data=data), tmp_path / "out.zarr"
    refused = str(run("create", path, target).exception)
    assert "t: 3 of 12 values are 9999, which looks like a fill value" in refused
    assert "--fill-value 9999" in refused
    made = run("create", path, target, "--fill-value", 9999, "--overwrite")
    assert "Missing values (NaN): t 4.17%." in made.stdout
    read = ZarrSource(path=str(target)).read(TIMES)
    assert np.isnan(read[1, :, 0, 0]).all()
    assert np.isnan(read).sum() == 3
    assert run("create", path, target, "--allow-implausible", "--overwrite").exit_code == 0
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), data.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("name", ["inspect", "check"])
@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.grib", b"GRIB\0\0\0\1", "it is a GRIB file.\nMake a data set of it: anemoi data create"),
        ("a.nc", b"CDF\1", "it is a NetCDF file."),
        ("a.nc", b"\x89HDF\r\n\x1a\n....", "it is an HDF5 file, as NetCDF 4 is."),
        (
            "a.ckpt",
            b"\x10" + bytes(7) + b'{"a": 1}',
            "file of tensors.*\nLook into it: anemoi checkpoint inspect",
        ),
        ("a.zarr", b"", "it is an empty file."),
        ("a.yaml", b"data: {name: sample}", "it is a YAML file, as recipes are.\nMake a data set of it"),
        ("notes.txt", "Grüße".encode(), "it is a text file."),
        ("a.png", b"\x89PNG....", "it is a picture."),
    ],
)
def test_what_is_no_data_set_is_called_what_it_is(
    name: str, file: str, content: bytes, told: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes(content)
    assert re.search(told, str(run(name, tmp_path / file).exception))


def test_a_directory_that_is_no_data_set_is_called_what_it_is(tmp_path: Path, make: Make) -> None:
    path = make()
    assert "a directory that holds made.zarr" in str(run("inspect", path.parent).exception)
    assert "a Zarr array, not a group" in str(run("check", path / "data").exception)
    (tmp_path / "run").mkdir()
    assert "it is an empty directory" in str(run("check", tmp_path / "run").exception)
    (tmp_path / "run" / "a.grib").touch()
    assert "directory of GRIB files" in str(run("check", tmp_path / "run").exception)
    (tmp_path / "run" / "checkpoint.safetensors").touch()
    assert "directory of a training" in str(run("check", tmp_path / "run").exception)
    write_array(tmp_path / "fields.zarr", np.zeros((1, 1), "f4"), 1)
    (tmp_path / "fields.zarr" / ".zarray").unlink()
    (tmp_path / "fields.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    write_array(tmp_path / "fields.zarr" / "t2m", np.zeros((1, 1), "f4"), 1)
    assert "a Zarr store of t2m, no data set" in str(run("check", tmp_path / "fields.zarr").exception)


@pytest.mark.parametrize("file", ["out.nc", "out.grib", "out.h5", "out.tar"])
def test_suffixes_that_are_not_written_are_refused(make: Make, file: str, tmp_path: Path) -> None:
    path, suffix = make(), Path(file).suffix
    for name in ("convert", "create"):
        error = run(name, path, tmp_path / file).exception
        assert isinstance(error, RequestError)
        assert f"{name} writes no {suffix}" in str(error)
    assert not (tmp_path / file).exists()
    assert "create writes no .zip" in str(run("create", path, tmp_path / "out.zarr.zip").exception)
    assert run("convert", path, tmp_path / "my-data-1.2").exit_code == 0


@pytest.mark.parametrize("name", ["mean", "stdev", "minimum", "maximum"])
def test_statistics_of_other_data_are_told(make: Make, name: str) -> None:
    path = make(arrays=right(**{name: 1000.0}))
    result = run("check", path)
    assert result.exit_code == 1
    assert f"the {name} of t is" in result.stdout
    assert f"but array '{name}' says 1000" in result.stdout


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
    told = run("check", path).stdout
    assert "has a fault:" in told
    assert "the stdev of the changes of q over 12h is" in told
    assert "array 'statistics_tendencies_12h_stdev' says" in told
    found = json.loads(run("inspect", path, "--json").stdout)["changes"]
    assert list(found) == ["6h", "12h"]
    assert found["6h"]["t"]["mean"] == pytest.approx(values[:, 0].mean())
    assert "Changes over 12h:" in run("inspect", path).stdout


def test_what_is_said_to_be_constant_but_changes_is_told(make: Make) -> None:
    told = run("check", make({"constant_fields": ["q"]}, right())).stdout
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
