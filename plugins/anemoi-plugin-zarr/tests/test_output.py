from __future__ import annotations

import dataclasses
import json
import os
import signal
import uuid
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.lineage import verify

from anemoi_plugin_zarr import ZarrOutput, ZarrSource
from anemoi_plugin_zarr.containers import convert

from .conftest import Make

FIELDS = (
    np.random.default_rng(0).normal(280, 10, (3, 2, 4, 2)).astype("f4")
)  # (time, ensemble, grid, variable)


def states(description: ForecastDescription) -> list[State]:
    leads = zip(description.lead_times, FIELDS, strict=True)
    return [State(description.start, lead, fields) for lead, fields in leads]


def write(
    path: Path,
    description: ForecastDescription,
    *,
    steps: int = 3,
    overwrite: bool = False,
    then: Callable[[], object] | None = None,
) -> None:
    """Write the first ``steps`` states, and do something before the output is left."""
    with ZarrOutput(path=str(path), forecast=description, overwrite=overwrite) as output:
        for state in states(description)[:steps]:
            output.write(state)
        if then is not None:
            then()


def fail(error: type[BaseException]) -> None:
    raise error


def test_a_forecast_is_read_back_as_it_was_written(tmp_path: Path, description: ForecastDescription) -> None:
    write(tmp_path / "out.zarr", description)
    source = ZarrSource(path=str(tmp_path / "out.zarr"))
    np.testing.assert_array_equal(source.read(source.times), FIELDS)
    np.testing.assert_array_equal(source.times, description.start + description.lead_times)
    assert source.frequency == np.timedelta64(6, "h")
    assert (source.variables, source.units) == (description.variables, description.units)
    assert source.grid.matches(description.grid)
    assert source.grid.field_shape == (2, 2)
    assert {**description.provenance, **source.provenance} == source.provenance
    uuid.UUID(source.provenance["identity"])
    assert source.provenance["forecast"] == {
        "start": "2020-01-31T00:00:00",
        "lead_times": ["6h", "12h", "18h"],
    }


def test_the_identity_of_the_forecast_is_that_of_the_file(
    tmp_path: Path, description: ForecastDescription
) -> None:
    known = dataclasses.replace(description, provenance={"identity": "sha256:abc"})
    write(tmp_path / "out.zarr", known)
    assert ZarrSource(path=str(tmp_path / "out.zarr")).provenance["identity"] == "sha256:abc"


def test_statistics_are_those_of_all_that_was_written(
    tmp_path: Path, description: ForecastDescription
) -> None:
    write(tmp_path / "out.zarr", description)
    values = FIELDS.reshape(-1, 2).astype("f8")
    statistics = ZarrSource(path=str(tmp_path / "out.zarr")).statistics
    np.testing.assert_allclose(statistics.mean, values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(statistics.stdev, values.std(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(statistics.minimum, values.min(axis=0))
    np.testing.assert_array_equal(statistics.maximum, values.max(axis=0))


def test_the_layout_is_that_of_anemoi_datasets(tmp_path: Path, description: ForecastDescription) -> None:
    """Of format 2, with the arrays, dimensions and attributes that anemoi-datasets writes and reads."""
    write(tmp_path / "out.zarr", description)
    written = tmp_path / "out.zarr"
    arrays = {path.parent.name: json.loads(path.read_text()) for path in written.glob("*/.zarray")}
    assert {name: (array["dtype"], tuple(array["shape"])) for name, array in arrays.items()} == {
        "data": ("<f4", (3, 2, 2, 4)),
        "dates": ("<M8[s]", (3,)),
        "latitudes": ("<f8", (4,)),
        "longitudes": ("<f8", (4,)),
        **dict.fromkeys(("mean", "stdev", "minimum", "maximum"), ("<f8", (2,))),
    }
    assert all(array["zarr_format"] == 2 for array in arrays.values())
    assert (arrays["data"]["chunks"], arrays["data"]["fill_value"]) == ([1, 2, 1, 4], "NaN")
    dimensions = json.loads((written / "data" / ".zattrs").read_text())["_ARRAY_DIMENSIONS"]
    assert dimensions == ["time", "variable", "ensemble", "cell"]
    attributes = json.loads((written / ".zattrs").read_text())
    expected = {
        "variables": ["t", "q"],
        "variables_metadata": {"t": {"units": "K"}, "q": {}},
        "frequency": "6h",
        "start_date": "2020-01-31T06:00:00",
        "end_date": "2020-01-31T18:00:00",
        "statistics_start_date": "2020-01-31T06:00:00",
        "statistics_end_date": "2020-01-31T18:00:00",
        "missing_dates": [],
        "field_shape": [2, 2],
        "shape": [3, 2, 2, 4],
        "dtype": "float32",
    }
    assert {**attributes, **expected} == attributes


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_nothing(
    tmp_path: Path, description: ForecastDescription, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        write(tmp_path / "out.zarr", description, steps=1, then=lambda: fail(error))
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_that_looks_whole(tmp_path: Path, description: ForecastDescription) -> None:
    child = os.fork()
    if child == 0:
        write(tmp_path / "out.zarr", description, then=lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.zarr.")
    with pytest.raises(DataError, match="is missing"):
        ZarrSource(path=str(left))


def test_a_failed_overwriting_leaves_what_was_there(tmp_path: Path, description: ForecastDescription) -> None:
    write(tmp_path / "out.zarr", description)
    before = ZarrSource(path=str(tmp_path / "out.zarr")).provenance["identity"]
    with pytest.raises(RuntimeError):
        write(tmp_path / "out.zarr", description, overwrite=True, then=lambda: fail(RuntimeError))
    assert ZarrSource(path=str(tmp_path / "out.zarr")).provenance["identity"] == before


def test_overwrites_a_data_set_or_a_file_only_if_told(
    tmp_path: Path, description: ForecastDescription
) -> None:
    path = tmp_path / "out.zarr"
    path.write_text("a file")
    for _ in range(2):
        with pytest.raises(DataError, match=r"out\.zarr exists already") as refusal:
            ZarrOutput(path=str(path), forecast=description)
        assert "--overwrite (in Python: overwrite=True)" in str(refusal.value)
        write(path, description, overwrite=True)
        assert list(tmp_path.iterdir()) == [path]
        assert len(ZarrSource(path=str(path)).times) == 3


def test_never_replaces_a_directory_of_something_else(
    tmp_path: Path, description: ForecastDescription
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="holds something else than a Zarr group"):
        ZarrOutput(path=str(tmp_path / "home"), forecast=description, overwrite=True)


def test_never_replaces_what_appeared_meanwhile(tmp_path: Path, description: ForecastDescription) -> None:
    path = tmp_path / "out.zarr"
    with pytest.raises(DataError, match="exists already"):
        write(path, description, then=lambda: path.write_text("of somebody else"))
    assert path.read_text() == "of somebody else"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_is_absent_or_cannot_be_written_in_is_refused_at_once(
    tmp_path: Path, description: ForecastDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for parent in ("absent", "file"):
        with pytest.raises(DataError, match=r"out\.zarr cannot be written"):
            ZarrOutput(path=str(tmp_path / parent / "out.zarr"), forecast=description)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Permissions do not bind the superuser, who may well run these tests.
    for way in ("mkdir", "touch"):
        monkeypatch.setattr(Path, way, refuse)
    with pytest.raises(DataError, match=r"out\.zarr cannot be written: Permission denied"):
        ZarrOutput(path=str(tmp_path / "out.zarr"), forecast=description)


def test_constructing_leaves_nothing(tmp_path: Path, description: ForecastDescription) -> None:
    ZarrOutput(path=str(tmp_path / "out.zarr"), forecast=description)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, description: ForecastDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("anemoi_plugin_zarr.writer.LayoutWriter.write", refuse)
    with pytest.raises(DataError, match="No space left on device"):
        write(tmp_path / "out.zarr", description)
    assert list(tmp_path.iterdir()) == []


def test_too_few_states_are_no_forecast(tmp_path: Path, description: ForecastDescription) -> None:
    with pytest.raises(DataError, match="only 2 of 3 states"):
        write(tmp_path / "out.zarr", description, steps=2)
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_was_not_announced_is_refused(tmp_path: Path, description: ForecastDescription) -> None:
    first, second, third = states(description)
    later = dataclasses.replace(first, start=first.start + np.timedelta64(1, "D"))
    smaller = dataclasses.replace(first, fields=first.fields[:1])
    other = dataclasses.replace(first, start=first.valid_time, lead_time=first.lead_time * 0)
    with ZarrOutput(path=str(tmp_path / "out.zarr"), forecast=description) as output:
        for wrong in (second, later, smaller, other):
            with pytest.raises(DataError, match="takes the state for 2020-01-31T06:00:00 next"):
                output.write(wrong)
        for right in (first, second, third):
            output.write(right)
        with pytest.raises(DataError, match="all 3 states"):
            output.write(third)


@pytest.mark.parametrize("hours", [[], [0], [6, 18, 24], [12, 6]])
def test_lead_times_that_the_layout_cannot_hold_are_refused(
    tmp_path: Path, description: ForecastDescription, hours: list[int]
) -> None:
    leads = np.array(hours, dtype="timedelta64[h]").astype("timedelta64[s]")
    with pytest.raises(DataError, match="equally spaced lead times"):
        ZarrOutput(path=str(tmp_path / "x"), forecast=dataclasses.replace(description, lead_times=leads))


def test_a_forecast_of_one_step_has_that_for_its_frequency(
    tmp_path: Path, description: ForecastDescription
) -> None:
    short = dataclasses.replace(description, lead_times=description.lead_times[:1])
    with ZarrOutput(path=str(tmp_path / "out.zarr"), forecast=short) as output:
        output.write(states(description)[0])
    assert ZarrSource(path=str(tmp_path / "out.zarr")).frequency == np.timedelta64(6, "h")


def test_a_data_set_written_again_is_the_same(
    tmp_path: Path, make: Make, description: ForecastDescription
) -> None:
    """From a source to an output to a source."""
    source = ZarrSource(path=str(make()))
    fields = source.read(source.times[1:4])
    again = dataclasses.replace(
        description, variables=source.variables, grid=source.grid, units=source.units, members=3
    )
    with ZarrOutput(path=str(tmp_path / "again.zarr"), forecast=again) as output:
        for lead, state in zip(again.lead_times, fields, strict=True):
            output.write(State(again.start, lead, state))
    copy = ZarrSource(path=str(tmp_path / "again.zarr"))
    np.testing.assert_array_equal(copy.read(source.times[1:4]), fields)
    assert (copy.variables, copy.units) == (source.variables, source.units)


def test_the_process_may_be_told_to_make_files_for_itself_alone(
    tmp_path: Path, description: ForecastDescription
) -> None:
    before = os.umask(0o077)
    try:
        write(tmp_path / "out.zarr", description)
    finally:
        os.umask(before)
    assert (tmp_path / "out.zarr").stat().st_mode & 0o777 == 0o700


def test_the_configuration_package_offers_the_source() -> None:
    assert "name: zarr" in (files("anemoi_plugin_zarr.conf") / "data" / "zarr.yaml").read_text()


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_forecast_holds_can_be_verified(
    tmp_path: Path, description: ForecastDescription, packed: bool
) -> None:
    written = path = tmp_path / "out.zarr"
    write(written, description)
    if packed:
        path = convert(written, tmp_path / "out.zarr.zip")
    assert [finding.status for finding in verify(path)] == ["ok"]
    (chunk,) = written.glob("data/1.0.0.0")
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    changed = convert(written, tmp_path / "changed.zarr.zip") if packed else path
    assert [finding.status for finding in verify(changed)] == ["differs"]


def test_attributes_are_part_of_what_a_forecast_holds(
    tmp_path: Path, description: ForecastDescription
) -> None:
    path = tmp_path / "out.zarr"
    write(path, description)
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["variables_metadata"]["t"]["units"] = "degC"
    (path / ".zattrs").write_text(json.dumps(attributes))
    assert [finding.status for finding in verify(path)] == ["differs"]


def test_a_data_set_without_a_hash_is_unknown_and_other_things_are_none(tmp_path: Path, make: Make) -> None:
    assert [finding.status for finding in verify(make())] == ["unknown"]
    (tmp_path / "directory").mkdir()
    assert ZarrOutput.provenance_of(str(tmp_path / "directory")) is None
    assert ZarrOutput.provenance_of(str(tmp_path / "made.zarr" / ".zattrs")) is None
