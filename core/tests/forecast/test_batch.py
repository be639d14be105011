"""Several dates and several files: all of a forecast is whole, or nothing of it is there."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.forecasting import Destination, prepare
from anemoi.core.forecasting.background import Background
from anemoi.core.forecasting.postprocessing import PostProcessing
from anemoi.core.forecasting.tee import OutputFile, Tee
from anemoi.core.grid import Grid
from anemoi.core.interfaces.hooks import hookimpl
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.plugins import Broadcast
from anemoi.core.times import parse_dates

START = "2020-01-02T06"
SIX_HOURS = np.timedelta64(6, "h")


@pytest.fixture
def prepared(make_checkpoint, built, tmp_path):
    model, output, tiny = built
    checkpoint = make_checkpoint(identity="sha256:me")

    def prepare_(*paths, dates=(START,), lead_time="18h", **options):
        destinations = [Destination(str(tmp_path / path), output) for path in paths]
        return prepare(checkpoint, tiny(), dates, destinations, lead_time, model=model, **options)

    return prepare_


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fields(path):
    return np.load(path)["fields"]


def test_a_file_for_each_date_and_each_lead_time(prepared, make_checkpoint, built, tmp_path):
    batch = prepared("{date}.npz", "{date}+{lead_time}.npz", dates=["2020-01-02", START], lead_time="12h")
    seen = []
    tasks = list(batch.run(lambda described, state: seen.append((described.start, state.valid_time))))
    assert names(tmp_path) == [
        "2020-01-02T00+12h.npz",
        "2020-01-02T00+6h.npz",
        "2020-01-02T00.npz",
        "2020-01-02T06+12h.npz",
        "2020-01-02T06+6h.npz",
        "2020-01-02T06.npz",
    ]
    for date in ("2020-01-02T00", "2020-01-02T06"):
        states = forecast(make_checkpoint(), built[2](), date, "12h", model=built[0])
        truth = np.stack([state.fields for state in states])
        np.testing.assert_array_equal(fields(tmp_path / f"{date}.npz"), truth)
        np.testing.assert_array_equal(fields(tmp_path / f"{date}+6h.npz"), truth[:1])
        np.testing.assert_array_equal(fields(tmp_path / f"{date}+12h.npz"), truth[1:])
        assert np.load(tmp_path / f"{date}+12h.npz")["lead_times"] == [2 * SIX_HOURS]
    assert [str(start)[:13] for start, _ in seen] == ["2020-01-02T00"] * 2 + ["2020-01-02T06"] * 2
    assert tasks[0].paths[1].endswith("2020-01-02T00+{lead_time}.npz")


@pytest.mark.parametrize(
    ("paths", "dates", "message"),
    [
        (["a.npz"], ["2020-01-02", START], r"2 dates cannot all be written to .*a\.npz"),
        (["a.npz", "./a.npz"], [START], "written twice"),
        (["{date}.npz", "2020-01-02T06.npz"], [START], "written twice"),
        (["{lead_time}.npz", "6h.npz"], [START], "written twice"),
        (["{member}.npz"], [START], r"\{member\} is not one of these"),
        (["{date:10}.npz"], [START], r"\{date\} is not one of these"),
        (["{.npz"], [START], "cannot be filled in"),
        (["{}.npz"], [START], "is not one of these"),
    ],
)
def test_paths_that_will_not_do(prepared, tmp_path, paths, dates, message):
    with pytest.raises(DataError, match=message) as caught:
        prepared(*paths, dates=dates)
    assert caught.value.fix
    assert names(tmp_path) == []


def test_a_place_for_the_lead_time_is_no_suffix(tiny_plugin):
    with pytest.raises(DataError, match="no suffix") as caught:
        Destination.of("a.{lead_time}")
    assert "npz" in caught.value.fix


def test_braces_may_be_meant_as_such(prepared, tmp_path):
    list(prepared("{{x}}.npz").run())
    assert names(tmp_path) == ["{x}.npz"]


def test_everything_that_will_not_do_is_said_at_once(prepared, tmp_path):
    (tmp_path / "2020-01-02T00.npz").touch()
    with pytest.raises(DataError) as caught:
        prepared("{date}.npz", dates=["2019-12-24", "2020-01-02", START])
    for word in ("no state at 2019-12-23T18 and 2019-12-24T00", "2020-01-02T00.npz exists already"):
        assert word in caught.value.what
    assert "--overwrite" in caught.value.fix
    assert names(tmp_path) == ["2020-01-02T00.npz"]


def _break(failing, method, monkeypatch):
    """Let one output fail in one of its methods."""
    real = getattr(type(failing), method)

    def fail(self, *arguments):
        if self is failing and (method != "__exit__" or arguments[0] is None):
            raise OSError(28, "No space left on device")
        return real(self, *arguments)

    monkeypatch.setattr(type(failing), method, fail)


@pytest.mark.parametrize("method", ["__enter__", "write", "__exit__"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_if_one_file_fails_there_is_none(prepared, tmp_path, monkeypatch, method, which):
    batch = prepared("a.npz", "b.npz", "c.npz")
    _break(batch.tasks[0].parts[which].output, method, monkeypatch)
    with pytest.raises(DataError, match=rf"{'abc'[which]}\.npz cannot be written: No space left on device"):
        list(batch.run())
    assert names(tmp_path) == []


class Listener:
    """Hears that a forecast ended, and looks which files are there."""

    def __init__(self, folder):
        self.folder, self.heard = folder, []

    @hookimpl
    def forecast_finished(self, status):
        there = [name for name in names(self.folder) if not name.endswith(".lock")]
        self.heard.append((status, there))


@pytest.fixture
def listener(monkeypatch, tmp_path):
    listener = Listener(tmp_path)
    monkeypatch.setattr(
        "anemoi.core.forecasting.rollout.hooks", lambda: Broadcast({"the listener": listener})
    )
    return listener


def test_who_hears_that_a_forecast_has_finished_finds_its_files(prepared, listener):
    list(prepared("{date}.npz", "{date}+{lead_time}.npz", dates=["2020-01-02", START], lead_time="6h").run())
    first = ["2020-01-02T00+6h.npz", "2020-01-02T00.npz"]
    second = ["2020-01-02T06+6h.npz", "2020-01-02T06.npz"]
    assert listener.heard == [("finished", first), ("finished", first + second)]


def test_a_forecast_whose_last_file_does_not_appear_has_failed(prepared, listener, monkeypatch):
    batch = prepared("a.npz", "b.npz")
    _break(batch.tasks[0].parts[0].output, "__exit__", monkeypatch)
    with pytest.raises(DataError, match="No space left"):
        list(batch.run())
    assert listener.heard == [("failed", [])]


def test_an_error_of_ours_is_not_blamed_on_a_file(prepared, tmp_path):
    def on_step(forecast, state):
        raise FileNotFoundError("something else")

    with pytest.raises(FileNotFoundError, match="something else"):
        list(prepared("a.npz", "b.npz").run(on_step))
    assert names(tmp_path) == []


class Recorder:
    """An output that says what is done with it, and in which thread; ``gate`` holds it up."""

    def __init__(self, fails_at=None):
        self.done, self.threads, self.gate, self.fails_at = [], set(), threading.Event(), fails_at

    def _note(self, what):
        self.done.append(what)
        self.threads.add(threading.current_thread())

    def __enter__(self):
        self._note("enter")
        return self

    def write(self, state):
        assert self.gate.wait(10)
        self._note(int(state.lead_time / SIX_HOURS))
        if state.lead_time / SIX_HOURS == self.fails_at:
            raise DataError("broken")

    def __exit__(self, kind, error, traceback):
        self._note(kind)


def state(step):
    return State(np.datetime64("2020-01-01", "s"), step * SIX_HOURS, np.zeros((1, 2, 3), np.float32))


def tee(recorder):
    described = ForecastDescription(
        start=np.datetime64("2020-01-01", "s"),
        lead_times=np.arange(1, 10) * SIX_HOURS,
        members=1,
        variables=("a", "b", "c"),
        grid=Grid(np.zeros(2), np.arange(2.0)),
        units={},
        provenance={},
    )
    chain = PostProcessing().begin(described)
    return Tee([OutputFile("x", described, chain, lambda forecast: recorder)])


def test_states_are_written_in_order_while_others_are_computed():
    recorder = Recorder()
    with Background(tee(recorder)) as output:
        output.write(state(1))  # returns while the writer is held up
        output.write(state(2))
        assert recorder.done in ([], ["enter"])
        recorder.gate.set()
        for step in (3, 4, 5):
            output.write(state(step))
    assert recorder.done == ["enter", 1, 2, 3, 4, 5, None]
    assert len(recorder.threads) == 1
    assert threading.current_thread() not in recorder.threads


def test_few_states_wait():
    recorder, written = Recorder(), []

    def compute():
        with Background(tee(recorder)) as output:
            for step in range(1, 9):
                output.write(state(step))
                written.append(step)

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    assert written == [1, 2, 3]  # one is being written, two wait
    recorder.gate.set()
    thread.join(10)
    assert written == [*range(1, 9)]


def test_a_writer_that_fails_stops_the_computing():
    recorder, computed = Recorder(fails_at=2), []
    recorder.gate.set()

    def compute():
        with Background(tee(recorder)) as output:
            for step in range(1, 1000):
                output.write(state(step))
                computed.append(step)

    with pytest.raises(DataError, match="broken"):
        compute()
    assert len(computed) < 10
    assert recorder.done == ["enter", 1, 2, DataError]


def test_a_computation_that_fails_clears_away_what_was_written():
    recorder = Recorder()
    recorder.gate.set()

    def compute():
        with Background(tee(recorder)) as output:
            output.write(state(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute()
    assert recorder.done == ["enter", 1, KeyboardInterrupt]


@pytest.mark.parametrize("during", ["the last files", "the states"])
def test_an_interrupt_waits_until_files_are_whole_or_cleared_away(during):
    """Ctrl-C while the main thread waits: the writer, which goes on, has ended when it is told."""
    recorder = Recorder()
    # What was started in the background of a shell ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # in which an interrupted wait would be over
        recorder.gate.set()

    def compute():
        with Background(tee(recorder)) as output:
            for step in range(1, 3 if during == "the last files" else 9):
                output.write(state(step))

    thread = threading.Timer(0.2, interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        compute()
    assert recorder.done[-1] is (None if during == "the last files" else KeyboardInterrupt)
    thread.join()
    signal.signal(signal.SIGINT, before)


def test_ranges_of_dates():
    assert [str(date) for date in parse_dates("2020-01-01/2020-01-02T12/12h")] == [
        "2020-01-01T00:00:00",
        "2020-01-01T12:00:00",
        "2020-01-02T00:00:00",
        "2020-01-02T12:00:00",
    ]
    assert len(parse_dates("2020-01-01/2020-01-02T11/12h")) == 3
    assert len(parse_dates("2020-01-01")) == 1


@pytest.mark.parametrize(
    "text",
    ["2020-01-02/2020-01-01/6h", "2020-01-01/2020-01-02", "2020-01-01/2020-01-02/0h", "/", "a/b/c", "//"],
)
def test_ranges_that_are_none(text):
    with pytest.raises(AnemoiError) as caught:
        parse_dates(text)
    assert caught.value.fix
