"""The help for outputs that are one file, with the smallest one that there can be."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi_plugin_testing import check

from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.outputs import FileOutput

LEADS = np.array([6, 12], "timedelta64[h]").astype("timedelta64[s]")
FORECAST = ForecastDescription(
    start=np.datetime64("2020-01-01", "s"),
    lead_times=LEADS,
    members=1,
    variables=("t",),
    grid=Grid(np.zeros(2), np.arange(2.0)),
    units={},
    provenance={},
)
STATES = [State(FORECAST.start, lead, np.full((1, 2, 1), k, np.float32)) for k, lead in enumerate(LEADS)]


class Raw(FileOutput):
    """The values alone."""

    failing: str | None = None

    def begin(self, path):
        self.file = path.open("xb")
        self.fail("begin")

    def add(self, state):
        self.fail("add")
        self.file.write(state.fields.tobytes())

    def finish(self):
        self.fail("finish")
        self.file.close()

    def abandon(self):
        self.file.close()

    def fail(self, where):
        if self.failing == where:
            raise OSError(28, "No space left on device")


def write(path, states=STATES, **options):
    with Raw(path=str(path), forecast=FORECAST, **options) as output:
        for state in states:
            output.write(state)


def test_the_file_is_what_was_written(tmp_path):
    write(tmp_path / "a.raw")
    assert np.fromfile(tmp_path / "a.raw", np.float32).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert [each.name for each in tmp_path.iterdir()] == ["a.raw"]


def test_a_subclass_finds_what_is_to_come_and_where_it_goes(tmp_path):
    output = Raw(path=str(tmp_path / "a.raw"), forecast=FORECAST)
    assert (output.forecast, output.path) == (FORECAST, tmp_path / "a.raw")


@pytest.mark.parametrize("where", ["begin", "add", "finish"])
def test_a_full_disk_is_said_and_leaves_what_was_there(tmp_path, monkeypatch, where):
    (tmp_path / "a.raw").write_text("old")
    monkeypatch.setattr(Raw, "failing", where)
    with pytest.raises(DataError, match=r"a\.raw cannot be written: No space left on device") as failure:
        write(tmp_path / "a.raw", overwrite=True)
    assert "has room" in failure.value.fix
    assert [each.name for each in tmp_path.iterdir()] == ["a.raw"]
    assert (tmp_path / "a.raw").read_text() == "old"


def test_what_was_not_announced_is_refused(tmp_path):
    with pytest.raises(DataError, match="takes the state for 2020-01-01T06:00:00 next"):
        write(tmp_path / "a.raw", STATES[1:])
    with pytest.raises(DataError, match="only 1 of 2 states came"):
        write(tmp_path / "a.raw", STATES[:1])
    with pytest.raises(DataError, match="all 2 states that were announced"):
        write(tmp_path / "a.raw", [*STATES, STATES[1]])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    for path in ("absent/a.raw", "file/a.raw"):
        with pytest.raises(DataError, match=r"a\.raw cannot be written"):
            Raw(path=str(tmp_path / path), forecast=FORECAST)
    with pytest.raises(DataError, match="is a directory"):
        Raw(path=str(tmp_path), forecast=FORECAST, overwrite=True)
    with pytest.raises(DataError, match=r"exists already.\n.*--overwrite"):
        Raw(path=str(tmp_path / "file"), forecast=FORECAST)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_appeared_meanwhile_stays(tmp_path):
    def states():
        yield from STATES
        (tmp_path / "a.raw").write_text("of somebody else")

    with pytest.raises(DataError, match="exists already"):
        write(tmp_path / "a.raw", states())
    assert (tmp_path / "a.raw").read_text() == "of somebody else"
    assert [each.name for each in tmp_path.iterdir()] == ["a.raw"]


def test_it_keeps_the_contract():
    results = check("output", Raw)
    assert [each for each in results if each.status == "fail"] == []
    assert len([each for each in results if each.status == "pass"]) > 10
