"""Writes the dates of a data set, in the threads of this process or in several processes."""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.moments import Moments
from anemoi.core.times import format_date
from numpy.typing import NDArray

from ..implausible import PlausibilityReport, shares
from ..placing import unwritable
from ..processors import processors
from ..store import reopen_group, write_state
from .journal import CreationJournal


@dataclass(frozen=True)
class Work:
    """How a date is written.

    Parameters
    ----------
    directory
        The directory that is being written.
    target
        What it will be called, for messages.
    source
        Where the states come from, as a configuration says it.
    earlier
        A data set that has the first of them already, as a configuration says it; or None.
    times
        All times.
    allow_nans, allow_implausible, fill_values
        As in the recipe.
    """

    directory: Path
    target: Path
    source: Spec
    earlier: Spec | None
    times: NDArray[np.datetime64]
    allow_nans: bool
    allow_implausible: bool
    fill_values: tuple[float, ...]


class Writer:
    """Reads dates and writes them, with what is opened for it.

    Parameters
    ----------
    work
        How.
    source
        The source, if it is open already.
    """

    def __init__(self, work: Work, source: DataSource | None = None) -> None:
        self.work = work
        self.source = config.build("source", work.source) if source is None else source
        self.earlier = config.build("source", work.earlier) if work.earlier else None
        self.shape = reopen_group(work.directory)["data"].shape[1:]
        self.journal = CreationJournal(work.directory)

    def read(self, date: int) -> NDArray[np.float32]:
        """The state ``(variable, ensemble, cell)`` of a date."""
        time = self.work.times[date]
        has_it = self.earlier is not None and time <= self.earlier.times[-1]
        fields = (self.earlier if has_it else self.source).read([time])  # type: ignore[union-attr]
        state = np.ascontiguousarray(fields[0].transpose(2, 0, 1))
        if self.work.fill_values:
            filled = np.isin(state, np.array(self.work.fill_values, dtype=np.float32))
            state = np.where(filled, np.float32(np.nan), state)
        return state

    def write(self, date: int, state: NDArray[np.float32]) -> int:
        """Write it."""
        work, time = self.work, self.work.times[date]
        if state.shape != self.shape:
            raise DataError(
                f"The state at {format_date(time)} has the shape {state.shape} (variable, ensemble, cell), "
                f"the first one {self.shape}."
            )
        moments = Moments.of(state)
        if not work.allow_nans and (moments.count < state[0].size).any():
            shares_ = 1 - moments.count / state[0].size
            missing = {
                name: share for name, share in zip(self.source.variables, shares_, strict=True) if share > 0
            }
            raise DataError(
                f"Values are NaN at {format_date(time)}: {shares(missing)}.",
                fix="If that is right, say so: --allow-nans, or in the recipe allow_nans: true",
            )
        if not work.allow_implausible:
            self._check(time, state, moments)
        try:
            write_state(work.directory, date, state)
            self.journal.record(date, moments, zlib.crc32(state.data))
        except OSError as error:
            raise unwritable(work.target, error) from error
        return date

    def _check(self, time: np.datetime64, state: NDArray[np.float32], moments: Moments) -> None:
        variables, units = self.source.variables, self.source.units
        report = PlausibilityReport(variables, [units.get(name) for name in variables])
        report.add(time, state, moments)
        if faults := report.faults():
            raise DataError(
                "The data have values that cannot be:\n  " + "\n  ".join(faults),
                fix="If they stand for missing values, say so: --fill-value 9999 (fill_values: [9999] in the "
                "recipe). If they are right: --allow-implausible (allow_implausible: true).",
            )


def write_dates(work: Work, dates: Sequence[int], source: DataSource, workers: int) -> Iterator[int]:
    """Write ``dates``, and yield each when it is written; they come in any order.

    Raises
    ------
    AnemoiError
        If one cannot be read or written. Those that were, stay.
    """
    if workers == 1 or len(dates) < 2:
        yield from _write_in_threads(Writer(work, source), dates)
        return
    # New processes, not forks: sources may hold threads and open files.
    pool = ProcessPoolExecutor(
        min(workers, len(dates)), mp_context=get_context("spawn"), initializer=_start, initargs=(work,)
    )
    try:
        for future in as_completed([pool.submit(_write, date) for date in dates]):
            yield future.result()
    except BrokenProcessPool as error:
        raise AnemoiError(
            "A process that wrote dates was ended from outside; it may have taken too much memory.",
            fix="Go on with fewer: --workers 1",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _write_in_threads(writer: Writer, dates: Sequence[int]) -> Iterator[int]:
    """Read one date after another, as any source bears, while those before it are compressed and written."""
    threads = processors()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[int]] = deque()
        for date in dates:
            waiting.append(pool.submit(writer.write, date, writer.read(date)))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_writer: Writer


def _start(work: Work) -> None:
    global _writer
    Thread(target=_end_with_parent, daemon=True).start()
    _writer = Writer(work)


def _write(date: int) -> int:
    return _writer.write(date, _writer.read(date))


def _end_with_parent() -> None:
    """Leave nothing running when the process that began this one was killed."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
