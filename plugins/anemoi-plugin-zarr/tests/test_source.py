from __future__ import annotations

import json
import multiprocessing
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import DataError

from anemoi_plugin_zarr import ZarrSource

from .conftest import ARRAYS, DATA, LATITUDES, LONGITUDES, TIMES, Make

REFERENCE = Path(__file__).parent / "data" / "reference.zarr.zip"


@pytest.fixture
def source(make: Make) -> ZarrSource:
    return ZarrSource(path=str(make()))


def expected(*times: int) -> np.ndarray:
    """(time, ensemble, grid, variable), element by element."""
    return np.array(
        [[[[DATA[t, v, e, c] for v in (0, 1)] for c in range(4)] for e in range(3)] for t in times]
    )


def test_tells_what_the_metadata_say(source: ZarrSource) -> None:
    assert source.variables == ("t", "q")
    assert source.units == {"t": "K", "q": "kg kg-1"}
    assert source.frequency == np.timedelta64(6, "h")
    np.testing.assert_array_equal(source.times, TIMES)
    assert source.times.dtype == "datetime64[s]"
    np.testing.assert_array_equal(source.grid.latitudes, LATITUDES)
    np.testing.assert_array_equal(source.grid.longitudes, LONGITUDES)
    assert source.grid.field_shape == (2, 2)
    for name in ("mean", "stdev", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(source.statistics, name), ARRAYS[name])
    assert source.missing == frozenset()
    assert Path(source.provenance["path"]).name == "made.zarr"
    assert source.provenance == {
        "kind": "dataset",
        "path": source.provenance["path"],
        "identity": "1b671a64-40d5-491e-99b0-da01ff1f3341",
        "licence": "CC0",
        "attribution": "A test",
    }


def test_null_units_are_none(make: Make) -> None:
    path = make({"variables_metadata": {"t": {"units": None, "mars": {"units": "K"}}, "q": {"mars": {}}}})
    assert ZarrSource(path=str(path)).units == {}


@pytest.mark.parametrize("chosen", [[0], [5], [0, 1, 2, 3, 4, 5], [4, 1, 2], [3, 3, 0, 3], [5, 4], []])
def test_reads_times_in_any_order(source: ZarrSource, chosen: list[int]) -> None:
    fields = source.read(TIMES[chosen])
    assert fields.dtype == np.float32
    assert fields.transpose(0, 3, 1, 2).flags.c_contiguous
    np.testing.assert_array_equal(fields, expected(*chosen).reshape(len(chosen), 3, 4, 2))


def test_reads_times_of_any_precision_and_from_a_list(source: ZarrSource) -> None:
    times = [np.datetime64("2020-01-31T18"), np.datetime64("2020-02-01T00:00:00.000")]
    np.testing.assert_array_equal(source.read(times), expected(3, 4))


def test_opens_again_in_another_process(source: ZarrSource) -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(source.read, [TIMES[:2]]), expected(0, 1))


@pytest.mark.parametrize(
    "time", ["2020-01-30T18", "2020-02-01T12", "2020-01-31T03", "2020-01-31T06:00:00.5", "NaT"]
)
def test_an_absent_time_is_named_with_the_range(source: ZarrSource, time: str) -> None:
    with pytest.raises(DataError, match=r"2020-01-31T00:00:00 to 2020-02-01T06:00:00 every 6h") as error:
        source.read([TIMES[0], np.datetime64(time)])
    assert str(np.datetime64(time)) in error.value.what


def test_missing_dates_are_refused_and_the_others_read(make: Make) -> None:
    # 2019 is none of its dates: a part of a longer data set may keep such an attribute.
    source = ZarrSource(path=str(make({"missing_dates": ["2020-01-31T06:00:00", "2019-01-01T00:00:00"]})))
    assert source.missing == {TIMES[1]}
    assert len(source.times) == 6
    np.testing.assert_array_equal(source.read(TIMES[[0, 2]]), expected(0, 2))
    with pytest.raises(DataError, match="2020-01-31T06:00:00 are missing"):
        source.read(TIMES[:3])


def test_nans_are_handed_on(make: Make) -> None:
    data = DATA.copy()
    data[2, 1, 0, 3] = np.nan
    fields = ZarrSource(path=str(make(data=data))).read(TIMES)
    assert np.argwhere(np.isnan(fields)).tolist() == [[2, 0, 3, 1]]


def test_a_chunk_that_was_never_written_reads_as_nan(make: Make) -> None:
    path = make()
    (path / "data" / "1.0.0.0").unlink()
    fields = ZarrSource(path=str(path)).read(TIMES[:3])
    assert np.isnan(fields[1]).all()
    assert np.isfinite(fields[[0, 2]]).all()


def test_opening_reads_no_data(make: Make) -> None:
    path = make()
    for chunk in (path / "data").glob("?.*"):
        chunk.write_bytes(b"damaged")
    source = ZarrSource(path=str(path))
    with pytest.raises(DataError, match=r"from 2020-01-31T00:00:00 to 2020-01-31T06:00:00 cannot be read"):
        source.read(TIMES[:2])


def test_integers_alone_are_hours(make: Make) -> None:
    assert ZarrSource(path=str(make({"frequency": 6}))).frequency == np.timedelta64(6, "h")


def test_a_data_set_without_uuid_is_known_by_its_metadata(make: Make) -> None:
    path = make({"uuid": None})
    identity = ZarrSource(path=str(path)).provenance["identity"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", identity)
    assert ZarrSource(path=str(path)).provenance["identity"] == identity
    mean = path / "mean" / "0"
    mean.write_bytes(np.array([1.0, 2.5]).tobytes())
    assert ZarrSource(path=str(path)).provenance["identity"] != identity


def test_a_pickled_source_reads_the_same(source: ZarrSource) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(TIMES), expected(*range(6)))


def test_forked_processes_read_one_zip_file_at_once(make: Make) -> None:
    cells = 5000  # so that chunks are larger than what Python reads of a file at once
    data = np.random.default_rng(0).normal(size=(6, 2, 3, cells)).astype("f4")
    places = {"latitudes": np.zeros(cells), "longitudes": np.linspace(0, 359, cells)}
    path = str(make({"field_shape": None}, places, data))
    source = ZarrSource(path=shutil.make_archive(path, "zip", path))
    whole = source.read(TIMES)

    def read_often(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(6, size=100):
            np.testing.assert_array_equal(source.read(TIMES[[i]])[0], whole[i])

    workers = [multiprocessing.get_context("fork").Process(target=read_often, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"variables": None}, "attribute 'variables' is missing"),
        ({"variables": "tq"}, "attribute 'variables' is malformed: 'tq' is no list of names"),
        ({"variables": ["t", 1]}, "attribute 'variables' is malformed"),
        ({"variables": ["t", "t"]}, "names a variable twice"),
        ({"variables": ["t"]}, "attribute 'variables' names 1, but 'data' holds 2"),
        ({"frequency": None}, "attribute 'frequency' is missing"),
        ({"frequency": "often"}, "attribute 'frequency' is malformed"),
        ({"frequency": ["6h"]}, "attribute 'frequency' is malformed"),
        ({"frequency": 0}, "attribute 'frequency' is malformed"),
        ({"frequency": "12h"}, "2020-01-31T06:00:00 follows 2020-01-31T00:00:00"),
        ({"missing_dates": "2020-01-31"}, "attribute 'missing_dates' is malformed"),
        ({"missing_dates": ["yesterday"]}, "attribute 'missing_dates' is malformed"),
        ({"missing_dates": [7]}, "attribute 'missing_dates' is malformed"),
        ({"field_shape": [3, 2]}, r"attribute 'field_shape' is \(3, 2\), but 'data' holds 4 cells"),
        ({"field_shape": [2.0, 2]}, "attribute 'field_shape' is malformed"),
        ({"field_shape": 4}, "attribute 'field_shape' is malformed"),
        ({"variables_metadata": ["K"]}, "attribute 'variables_metadata' is malformed"),
        ({"variables_metadata": {"t": "K"}}, "attribute 'variables_metadata' is malformed"),
        ({"provenance": "unknown"}, "attribute 'provenance' is malformed"),
    ],
)
def test_a_wrong_attribute_is_named(make: Make, attributes: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named) as error:
        ZarrSource(path=str(make(attributes)))
    assert "made.zarr" in error.value.what
    assert error.value.fix


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        *[({name: None}, f"array '{name}' is missing") for name in ("data", *ARRAYS)],
        ({"data": DATA[:, 0]}, r"array 'data' has shape \(6, 3, 4\)"),
        ({"data": DATA.astype("i4")}, "array 'data' holds int32"),
        ({"dates": TIMES[:5]}, r"array 'dates' has shape \(5,\), but 'data' asks for \(6,\)"),
        ({"dates": TIMES.astype("i8")}, "array 'dates' holds int64"),
        ({"dates": TIMES[::-1]}, "array 'dates' does not increase by the attribute 'frequency'"),
        ({"dates": TIMES[[0, 1, 1, 2, 3, 4]]}, "2020-01-31T06:00:00 follows 2020-01-31T06:00:00"),
        ({"dates": np.where(np.arange(6) == 2, np.datetime64("NaT"), TIMES)}, "a value that is no date"),
        ({"latitudes": LATITUDES[:3]}, r"array 'latitudes' has shape \(3,\)"),
        ({"latitudes": LATITUDES * 3}, "make no grid: Latitudes must lie within"),
        ({"longitudes": LONGITUDES * np.nan}, "make no grid: The coordinates of a grid must be finite"),
        ({"mean": np.zeros(3)}, r"array 'mean' has shape \(3,\)"),
        ({"stdev": np.array([True, False])}, "array 'stdev' holds bool"),
    ],
)
def test_a_wrong_array_is_named(make: Make, arrays: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named) as error:
        ZarrSource(path=str(make(arrays=arrays)))
    assert "made.zarr" in error.value.what


def test_a_damaged_array_is_named(make: Make) -> None:
    path = make()
    (path / "dates" / "0").write_bytes(b"short")
    with pytest.raises(DataError, match="array 'dates' cannot be read"):
        ZarrSource(path=str(path))


def test_an_array_with_malformed_metadata_is_named(make: Make) -> None:
    path = make()
    metadata = path / "data" / ".zarray"
    metadata.write_text(metadata.read_text().replace("<f4", "<f5"))
    with pytest.raises(DataError, match="array 'data' cannot be opened"):
        ZarrSource(path=str(path))


def test_a_group_in_place_of_an_array_is_named(make: Make) -> None:
    path = make()
    shutil.rmtree(path / "data")
    (path / "data").mkdir()
    (path / "data" / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(DataError, match="'data' is a group"):
        ZarrSource(path=str(path))


def test_what_is_no_zarr_group_is_refused(tmp_path: Path, make: Make) -> None:
    text = tmp_path / "text.zarr.zip"
    text.write_text("no zip")
    array = make() / "mean"
    broken = tmp_path / "broken.zarr"
    broken.mkdir()
    (broken / ".zgroup").write_text("{")
    for path in (text, array, tmp_path, broken):
        with pytest.raises(DataError, match=f"{path.name} cannot be opened as a Zarr group"):
            ZarrSource(path=str(path))
    with pytest.raises(DataError, match=r"absent\.zarr does not exist"):
        ZarrSource(path=str(tmp_path / "absent.zarr"))


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.zarr.zip"
    path.write_bytes(REFERENCE.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"cut\.zarr\.zip cannot be opened"):
        ZarrSource(path=str(path))


def test_importing_the_plugin_imports_neither_zarr_nor_torch() -> None:
    code = "import sys, json, anemoi_plugin_zarr; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert not {"zarr", "numcodecs", "torch", "scipy"} & set(modules)


def test_statistics_of_changes_that_are_not_whole_are_named(make: Make) -> None:
    arrays = {"statistics_tendencies_6h_mean": ARRAYS["mean"]}
    with pytest.raises(DataError, match="array 'statistics_tendencies_6h_stdev' is missing"):
        _ = ZarrSource(path=str(make(arrays=arrays))).changes
    assert ZarrSource(path=str(REFERENCE)).changes == {}
