"""A forecast that was interrupted goes on, and gives what it would have given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.checkpoint import load
from anemoi.core.cli import main
from anemoi.core.errors import DataError
from anemoi.core.forecasting import Destination, prepare
from anemoi.core.forecasting.journal import ForecastJournal

START, STEPS = "2020-01-02T06", 4


class StopError(Exception):
    """What interrupts a forecast."""


@pytest.fixture
def prepared(make_checkpoint, built, tmp_path):
    checkpoint = make_checkpoint(identity="sha256:me")
    model, output, tiny = built

    def prepare_(*paths, dates=(START,), lead_time="24h", checkpoint=checkpoint, **options):
        destinations = [Destination(str(tmp_path / path), output) for path in paths or ["a.npz"]]
        options = {"restart": True, "model": model, **options}
        return prepare(checkpoint, tiny(), dates, destinations, lead_time, **options)

    return prepare_


def interrupt(batch, after):
    """Make forecasts until a number of states are computed."""
    left = [after]

    def on_step(forecast, state):
        left[0] -= 1
        if not left[0]:
            raise StopError

    with pytest.raises(StopError):
        list(batch.run(on_step))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(path):
    with np.load(path) as file:
        return {name: file[name].tobytes() for name in file.files}


@pytest.fixture
def uninterrupted(make_checkpoint, built):
    model, _, tiny = built
    states = forecast(make_checkpoint(), tiny(), START, "24h", model=model)
    return np.stack([state.fields for state in states])


@pytest.fixture
def steps_computed(monkeypatch):
    """How often the model is run."""
    from anemoi.core.model import ForecastModel

    calls, real = [], ForecastModel.forward
    monkeypatch.setattr(ForecastModel, "forward", lambda *args: calls.append(1) or real(*args))
    return calls


@pytest.mark.parametrize("after", range(1, STEPS + 1))
def test_it_goes_on_to_the_same_bits(prepared, uninterrupted, tmp_path, steps_computed, after):
    interrupt(prepared(), after)
    assert names(tmp_path) == [".a.npz.journal"]
    steps_computed.clear()
    list(prepared().run())
    assert len(steps_computed) == STEPS - after
    assert names(tmp_path) == ["a.npz"]
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], uninterrupted)


def test_its_provenance_is_that_of_the_beginning(prepared, tmp_path):
    batch = prepared()
    identity = batch.tasks[0].forecasts["data"].provenance["identity"]
    interrupt(batch, 2)
    again = prepared()
    assert again.tasks[0].forecasts["data"].provenance == batch.tasks[0].forecasts["data"].provenance
    list(again.run())
    assert json.loads(str(np.load(tmp_path / "a.npz")["provenance"]))["identity"] == identity


@pytest.mark.parametrize("lost", [1, 33, 57, 150, 10**6])
def test_what_is_torn_is_computed_again(prepared, uninterrupted, tmp_path, lost):
    """A state takes 32 bytes and a head of 24."""
    interrupt(prepared(), 3)
    journal = tmp_path / ".a.npz.journal"
    journal.write_bytes(journal.read_bytes()[:-lost])
    list(prepared().run())
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], uninterrupted)
    assert names(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("where", [-1, -40, -60, -112])
def test_what_is_damaged_is_computed_again(prepared, uninterrupted, tmp_path, where, steps_computed):
    interrupt(prepared(), 3)
    journal = tmp_path / ".a.npz.journal"
    damaged = bytearray(journal.read_bytes())
    damaged[where] ^= 1
    journal.write_bytes(damaged)
    steps_computed.clear()
    list(prepared().run())
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], uninterrupted)
    assert 2 <= len(steps_computed) <= 4


def test_a_state_that_is_there_twice_is_not_taken_for_the_next(prepared, uninterrupted, tmp_path):
    """As when the forecast that was thought dead was still writing."""
    interrupt(prepared(), 2)
    journal = tmp_path / ".a.npz.journal"
    journal.write_bytes(journal.read_bytes() + journal.read_bytes()[-56:])
    list(prepared().run())
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], uninterrupted)


def test_the_journal_of_another_forecast_is_refused(prepared, make_checkpoint, tmp_path):
    interrupt(prepared(), 2)
    before = (tmp_path / ".a.npz.journal").read_bytes()
    for changes, word in [
        ({"lead_time": "48h"}, "its lead time is 24h, not 48h"),
        ({"dates": ["2020-01-02"]}, "its date is 2020-01-02T06, not 2020-01-02T00"),
        ({"members": 2}, "its number of members is 1, not 2"),
        (
            {"checkpoint": make_checkpoint(identity="sha256:other")},
            "its checkpoint is sha256:me, not sha256:",
        ),
    ]:
        with pytest.raises(DataError, match=word) as caught:
            prepared(**changes)
        assert "remove the journal" in caught.value.fix
    assert (tmp_path / ".a.npz.journal").read_bytes() == before


def test_other_data_under_the_same_name_are_noticed(prepared, built, tmp_path, monkeypatch):
    interrupt(prepared(), 2)
    source = built[2]
    real = source.read
    monkeypatch.setattr(source, "read", lambda self, times: real(self, times) * np.float32(1.0000002))
    with pytest.raises(DataError, match="the data have changed"):
        list(prepared().run())
    assert names(tmp_path) == [".a.npz.journal"]


@pytest.mark.parametrize("found", [b"something else", b"anemoi-forecast-journal 2\n", b"\0" * 100])
def test_what_is_no_journal_is_left_alone(prepared, tmp_path, found):
    (tmp_path / ".a.npz.journal").write_bytes(found)
    with pytest.raises(DataError, match="is not a journal"):
        prepared()
    assert (tmp_path / ".a.npz.journal").read_bytes() == found


def test_dates_that_are_whole_are_not_made_again(prepared, tmp_path, steps_computed):
    dates = ["2020-01-02T00", "2020-01-02T06", "2020-01-02T12"]
    interrupt(prepared("{date}.npz", dates=dates), STEPS + 2)
    assert names(tmp_path) == [
        ".2020-01-02T00.npz.journal", ".2020-01-02T06.npz.journal", "2020-01-02T00.npz",
    ]  # fmt: skip
    whole, begun = (len((tmp_path / f".{date}.npz.journal").read_bytes()) for date in dates[:2])
    assert whole < begun  # for it keeps no states
    first = contents(tmp_path / "2020-01-02T00.npz")
    steps_computed.clear()
    tasks = list(prepared("{date}.npz", dates=dates).run())
    assert len(steps_computed) == 2 * STEPS - 2
    assert [bool(task.parts) for task in tasks] == [False, True, True]
    assert names(tmp_path) == [f"{date}.npz" for date in dates]
    assert contents(tmp_path / "2020-01-02T00.npz") == first


def test_killed_while_its_files_appear_it_writes_all_of_them(prepared, uninterrupted, tmp_path, monkeypatch):
    def stop(self):
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(ForecastJournal, "finish", stop)
        with pytest.raises(StopError):
            list(prepared("a.npz", "b.npz").run())
    (tmp_path / "a.npz").unlink()
    list(prepared("a.npz", "b.npz").run())
    assert names(tmp_path) == ["a.npz", "b.npz"]
    assert contents(tmp_path / "a.npz") == contents(tmp_path / "b.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], uninterrupted)


def test_a_file_that_was_there_before_is_not_overwritten(prepared, tmp_path):
    interrupt(prepared(), 2)
    (tmp_path / "a.npz").write_bytes(b"precious")
    with pytest.raises(DataError, match="exists already"):
        prepared()


def test_a_journal_that_cannot_be_written_stops_the_forecast(prepared, tmp_path, monkeypatch):
    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("anemoi.core.forecasting.journal._write", full)
    with pytest.raises(DataError, match=r"journal .* cannot be written: No space left on device"):
        list(prepared().run())
    assert "a.npz" not in names(tmp_path)


KILL = """
import os, signal, sys
from anemoi.core.cli import main
from anemoi.core.forecasting.journal import ForecastJournal

append = ForecastJournal.append


def killing(self, state):
    append(self, state)
    if len(self) == 5:
        os.kill(os.getpid(), signal.SIGKILL)


ForecastJournal.append = killing
main(sys.argv[1:])
"""


def test_killed_outright_it_goes_on(checkpoint_file, tiny_site, uninterrupted, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["forecast", str(checkpoint_file), "--date", START, "--lead-time", "24h", "--restart"]
    words += ["--output", "a.npz", "--output", "{lead_time}.npz"]
    environment = {**os.environ, "PYTHONPATH": str(tiny_site)}
    killed = subprocess.run([sys.executable, "-c", KILL, *words], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert {".a.npz.journal", "6h.npz"} <= set(names(tmp_path)) <= {  # some have appeared already
        ".a.npz.journal", ".a.npz.lock", ".{lead_time}.npz.lock",
        "12h.npz", "18h.npz", "6h.npz", "model.safetensors",
    }  # fmt: skip
    assert main(words) == 0
    assert "4 steps" in capsys.readouterr().out
    assert names(tmp_path) == ["12h.npz", "18h.npz", "24h.npz", "6h.npz", "a.npz", "model.safetensors"]
    np.testing.assert_array_equal(np.load("a.npz")["fields"], uninterrupted)
    np.testing.assert_array_equal(np.load("18h.npz")["fields"], uninterrupted[2:3])
    parents = json.loads(str(np.load("a.npz")["provenance"]))["parents"]
    assert parents[0]["identity"] == load(checkpoint_file).identity
    assert main([*words, "--overwrite"]) == 0
