"""The checks of data sources."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..interfaces.data_source import DataSource
from ._check import Check, NotApplicableError, Subject, contract, require
from ._options import options_are_declared, require_options
from ._process import PATIENCE, in_fresh_python

OPENS = ("opens",)
READS = ("opens", "has_equally_spaced_times", "reads_states")


def _open(subject: Subject) -> DataSource:
    source: DataSource = subject.build()
    return source


def _there(source: DataSource, most: int = 6) -> NDArray[np.datetime64]:
    """Some of the times that hold data, spread over the whole sequence."""
    times = np.array([time for time in source.times if time not in source.missing], dtype="datetime64[s]")
    require(len(times), "no time holds data")
    chosen: NDArray[np.datetime64] = times[
        np.unique(np.linspace(0, len(times) - 1, min(most, len(times))).astype(int))
    ]
    return chosen


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


@contract()
def opens(subject: Subject) -> None:
    """It opens with its options, and all that it tells of itself can be asked."""
    require_options(subject)
    source = _open(subject)
    for name in ("variables", "times", "frequency", "grid", "statistics", "missing", "provenance", "units"):
        getattr(source, name)


@contract(after=OPENS)
def has_equally_spaced_times(subject: Subject) -> None:
    """Its times are datetime64[s], and each is later than the one before by its frequency."""
    source = _open(subject)
    times = source.times
    require(times.dtype == np.dtype("datetime64[s]") and times.ndim == 1, f"they are {times.dtype}")
    require(len(times), "there are none")
    frequency = np.timedelta64(source.frequency, "s")
    require(frequency > np.timedelta64(0, "s"), f"the frequency is {frequency}")
    odd = np.flatnonzero(np.diff(times) != frequency)
    require(
        not len(odd), f"{times[odd[:1]]} is followed by {times[odd[:1] + 1]}, the frequency is {frequency}"
    )


@contract(after=OPENS)
def has_unique_variables(subject: Subject) -> None:
    """The names of its variables are a tuple of different words; units are those of its variables."""
    source = _open(subject)
    names = source.variables
    require(isinstance(names, tuple) and names, f"they are {names!r}")
    require(all(isinstance(name, str) and name for name in names), f"they are {names!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"these come more than once: {', '.join(twice)}")
    strangers = sorted(set(source.units) - set(names))
    require(not strangers, f"there are units for {', '.join(strangers)}, which it does not have")


@contract(after=OPENS)
def has_a_grid_on_the_globe(subject: Subject) -> None:
    """Latitudes lie within [-90, 90] degrees and longitudes within [-360, 360], as float64."""
    grid = _open(subject).grid
    for name, values, most in (("latitude", grid.latitudes, 90), ("longitude", grid.longitudes, 360)):
        require(values.dtype == np.float64, f"the {name}s are {values.dtype}")
        require(len(values), "it has no points")
        require(np.isfinite(values).all(), f"a {name} is not finite")
        require(np.abs(values).max() <= most, f"a {name} is {values[np.abs(values).argmax()]:g}")


@contract(after=(*OPENS, "has_equally_spaced_times"))
def reads_states(subject: Subject) -> None:
    """What it reads has the axes ``(time, ensemble, grid, variable)``."""
    source = _open(subject)
    times = _there(source, 2)
    shape = source.read(times).shape
    wanted = (len(times), "members", len(source.grid), len(source.variables))
    fits = len(shape) == 4 and shape[1] > 0 and (shape[0], shape[2], shape[3]) == (wanted[0], *wanted[2:])
    require(fits, f"{len(times)} times give the shape {shape}, not {wanted}")


@contract(after=READS)
def reads_float32(subject: Subject) -> None:
    """What it reads is float32."""
    source = _open(subject)
    dtype = source.read(_there(source, 1)).dtype
    require(dtype == np.float32, f"it is {dtype}")


@contract(after=(*READS, "reads_the_same_twice"))
def reads_times_in_the_order_asked(subject: Subject) -> None:
    """Times are read as a slice, an array or a list, in any order, each as often as it is named."""
    source = _open(subject)
    times = _there(source)
    alone = {time: source.read([time])[0] for time in times}

    def try_(asked: Sequence[np.datetime64] | NDArray[np.datetime64], how: str) -> None:
        expected = np.stack([alone[time] for time in asked])
        require(_same(source.read(asked), expected), f"{how} gives something else than its times one by one")

    try_(times, "an array")
    try_(list(times), "a list")
    try_(times[::-1], "the reverse order")
    try_(list(times[[0, -1, 0]]), "a time that is named twice")
    run = source.times[:3]
    if not source.missing.intersection(run):
        expected = np.concatenate([source.read([time]) for time in run])
        require(_same(source.read(source.times[:3]), expected), "a slice gives something else")


@contract(after=READS)
def reads_the_same_twice(subject: Subject) -> None:
    """What is read twice is the same to the bit; to write to what was read does no harm."""
    source = _open(subject)
    times = _there(source, 3)
    first = source.read(times)
    kept = first.copy()
    require(_same(source.read(times), kept), "the second time gives something else")
    if first.flags.writeable:
        first[:] = -1.0
    require(_same(source.read(times), kept), "after the first result was written to, the next is another")


@contract(after=(*READS, "reads_the_same_twice"))
def reads_the_same_after_pickling(subject: Subject) -> None:
    """It can be pickled, and reads the same afterwards, here and in a process that is started afresh."""
    source = _open(subject)
    times = _there(source, 3)
    pickled, expected = pickle.dumps(source), source.read(times)
    copy = pickle.loads(pickled)
    require(copy.variables == source.variables, "its variables are others afterwards")
    require(_same(copy.read(times), expected), "it reads something else afterwards")
    owner = type(source)
    done = in_fresh_python(_UNPICKLE.format(owner.__module__), pickle.dumps((pickled, times)))
    if done.stdout == _ABSENT:
        return  # Its module was made up here, in a test, and nowhere else.
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    require(not done.returncode, f"in another process it raises {last}")
    same = done.stdout == hashlib.sha256(expected.tobytes()).digest()
    require(same, "in another process it reads something else")


_ABSENT: Final = b"absent"

_UNPICKLE: Final = """
import hashlib, importlib, pickle
try:
    importlib.import_module({0!r})
except ImportError:
    sys.stdout.buffer.write(b"absent")
    sys.exit()
pickled, times = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(hashlib.sha256(pickle.loads(pickled).read(times).tobytes()).digest())
"""
"""Reads, in a process of its own, what a pickled source reads."""


@contract(after=(*READS, "reads_the_same_twice"))
def reads_the_same_in_other_processes(subject: Subject) -> None:
    """Two processes that are forked off, as data loaders do, read at the same time what it reads here."""
    if "fork" not in multiprocessing.get_all_start_methods():
        raise NotApplicableError("this system does not fork")
    source = _open(subject)
    times = _there(source, 4)
    expected = source.read(times)
    context = multiprocessing.get_context("fork")
    answers = [context.Pipe(duplex=False) for _ in range(2)]
    processes = [
        context.Process(target=_compare, args=(source, times, expected, answer)) for _, answer in answers
    ]
    for process in processes:
        process.start()
    try:
        seen = [receive.recv() if receive.poll(PATIENCE) else None for receive, _ in answers]
    finally:
        for process in processes:
            process.kill()
            process.join()
    require(None not in seen, f"a process had read nothing after {PATIENCE:g} s")
    require(not any(seen), f"a process {next(filter(None, seen), '')}")


def _compare(source: DataSource, times: NDArray[np.datetime64], expected: NDArray[Any], answer: Any) -> None:
    try:
        same = all(_same(source.read(times), expected) for _ in range(20))
        answer.send("" if same else "reads something else")
    except BaseException as error:
        answer.send(f"raises {type(error).__name__}: {error}")


@contract(after=READS)
def refuses_absent_times(subject: Subject) -> None:
    """A time before the first, after the last or between two is a ``DataError`` that names it."""
    source = _open(subject)
    first, last = source.times[0], source.times[-1]
    for absent in (first - source.frequency, last + source.frequency, first + np.timedelta64(1, "s")):
        _require_refused(source, absent, "is not one of its times")


@contract(after=READS)
def refuses_missing_times(subject: Subject) -> None:
    """A missing time is one of its times, and to read it is a ``DataError`` that names it."""
    source = _open(subject)
    if not source.missing:
        raise NotApplicableError("no time is missing")
    for time in sorted(source.missing)[:3]:
        require(time in source.times, f"{time} is missing, but not one of its times")
        _require_refused(source, time, "is missing")


def _require_refused(source: DataSource, time: np.datetime64, why: str) -> None:
    try:
        source.read([time])
    except DataError as error:
        day = str(time.astype("datetime64[D]"))
        require(day in str(error), f"the error for {time} does not name it: {error}")
    else:
        require(False, f"{time} {why}, but is read without an error")


@contract(after=(*READS, "reads_the_same_twice"))
def has_the_statistics_of_its_data(subject: Subject) -> None:
    """Mean, deviation, minimum and maximum of each variable are those of a sample, but for its size.

    The mean may be off by a standard deviation, the deviation by a factor of three, and the extremes by
    their distance: statistics are often those of another period.
    """
    source = _open(subject)
    statistics, names = source.statistics, source.variables
    for name in ("mean", "stdev", "minimum", "maximum"):
        values = getattr(statistics, name)
        require(values.shape == (len(names),), f"{name} has shape {values.shape} for {len(names)} variables")
        require(np.isfinite(values).all(), f"{name} is not finite")
    data = source.read(_there(source, 16)).astype(np.float64).reshape(-1, len(names))
    tiny = 1e-6 * np.abs(data).max(axis=0, initial=0.0, where=np.isfinite(data)) + 1e-12
    mean, stdev = np.nanmean(data, axis=0), np.nanstd(data, axis=0)
    low, high = statistics.minimum, statistics.maximum
    span = high - low + tiny
    faults = {
        "the mean": np.abs(mean - statistics.mean) > np.maximum(statistics.stdev, stdev) + tiny,
        "the standard deviation": (stdev > 3.0 * statistics.stdev + tiny)
        | (statistics.stdev > 3.0 * stdev + tiny),
        "the minimum": (np.nanmin(data, axis=0) < low - span) | (low > statistics.mean + tiny),
        "the maximum": (np.nanmax(data, axis=0) > high + span) | (high < statistics.mean - tiny),
    }
    for what, wrong in faults.items():
        variables = ", ".join(name for name, one in zip(names, wrong, strict=True) if one)
        require(not variables, f"{what} of {variables} does not fit the data")


@contract(after=READS)
def reads_nothing_at_opening(subject: Subject) -> None:
    """To open it reads metadata only: not a state, and no more bytes or memory than those take."""
    source = _open(subject)
    state = source.read(_there(source, 1)).nbytes
    # Times, and an entry for each in an index of the file; coordinates; a name and statistics.
    metadata = 300 * len(source.times) + 64 * len(source.grid) + 1000 * len(source.variables)
    allowed = 500_000 + metadata
    called: list[Any] = []
    watched = type(
        subject.component.__name__,
        (subject.component,),
        {"read": lambda self, times: called.append(times)},
    )
    before = _bytes_read()
    watched(**subject.options)
    read = _bytes_read() - before
    tracemalloc.start()
    try:
        watched(**subject.options)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    require(not called, "it reads a state")
    whole = f"its data are {state * len(source.times) / 1e6:.1f} MB"
    require(read <= allowed, f"it reads {read / 1e6:.1f} MB; {whole}")
    require(taken <= allowed, f"it takes {taken / 1e6:.1f} MB of memory; {whole}")


def _bytes_read() -> int:
    """How many bytes this process has read from files; 0 where the system does not say."""
    try:
        counts = Path("/proc/self/io").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(counts.split()[1])  # The first line: "rchar: 123".


@contract(after=OPENS)
def says_where_it_comes_from(subject: Subject) -> None:
    """Its provenance is JSON with an ``identity``, the same each time it is opened."""
    one, other = _open(subject).provenance, _open(subject).provenance
    try:
        json.dumps(dict(one), allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"it is not JSON: {error}")
    identity = one.get("identity")
    require(isinstance(identity, str) and identity, f"its identity is {identity!r}")
    require(identity == other.get("identity"), f"its identity is {identity}, then {other.get('identity')}")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "source": (
        options_are_declared,
        opens,
        has_equally_spaced_times,
        has_unique_variables,
        has_a_grid_on_the_globe,
        reads_states,
        reads_float32,
        reads_the_same_twice,
        reads_times_in_the_order_asked,
        reads_the_same_after_pickling,
        reads_the_same_in_other_processes,
        refuses_absent_times,
        refuses_missing_times,
        has_the_statistics_of_its_data,
        reads_nothing_at_opening,
        says_where_it_comes_from,
    )
}
