"""The checks of what a data source costs and what becomes of it in other processes."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import tracemalloc
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.interfaces.data_source import DataSource
from numpy.typing import NDArray

from ._check import NotApplicableError, Subject, contract, require
from ._process import PATIENCE, in_fresh_python
from ._source_access import open_source, same_bytes, there

READS = ("opens", "has_equally_spaced_times", "reads_states")


@contract(after=(*READS, "reads_the_same_twice"))
def reads_the_same_after_pickling(subject: Subject) -> None:
    """It can be pickled, and reads the same afterwards, here and in a process that is started afresh."""
    source = open_source(subject)
    times = there(source, 3)
    pickled, expected = pickle.dumps(source), source.read(times)
    copy = pickle.loads(pickled)
    require(copy.variables == source.variables, "its variables are others afterwards")
    require(same_bytes(copy.read(times), expected), "it reads something else afterwards")
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
    source = open_source(subject)
    times = there(source, 4)
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
        same = all(same_bytes(source.read(times), expected) for _ in range(20))
        answer.send("" if same else "reads something else")
    except BaseException as error:
        answer.send(f"raises {type(error).__name__}: {error}")


@contract(after=READS)
def reads_nothing_at_opening(subject: Subject) -> None:
    """To open it reads metadata only: not a state, and no more bytes or memory than those take."""
    source = open_source(subject)
    state = source.read(there(source, 1)).nbytes
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
