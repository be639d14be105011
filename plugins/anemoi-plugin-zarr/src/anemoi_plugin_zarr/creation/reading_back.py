"""Reads back what was written, and gathers on the way what describes it: statistics, constants and NaNs."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.moments import Moments
from anemoi.core.times import format_date
from numpy.typing import NDArray

from ..changes import change
from ..chunks import fetcher, find_chunks
from ..constancy import Constancy
from ..processors import processors
from ..store import reopen_group
from .journal import CreationJournal

_RUN = 16
"""How many dates one thread reads, one after another: the date before a run is read twice, for the change."""


@dataclass(frozen=True)
class Found:
    """What was written.

    Parameters
    ----------
    states, changes
        The moments of the states, and of the changes from each time to the next, within the period; merged
        in order of time, so that they do not depend on how many threads there are.
    constant
        Whether each variable is the same on all dates, ``(variable,)``; None if there is one date.
    missing
        The share of the values of each that are NaN, ``(variable,)``.
    """

    states: Moments
    changes: Moments
    constant: NDArray[np.bool_] | None
    missing: NDArray[np.float64]


def read_back(
    directory: Path, journal: CreationJournal, times: Times, dates: NDArray[np.intp], period: Times
) -> Found:
    """Compare all that was written with what was to be, and gather what it is like.

    Parameters
    ----------
    directory
        Where it was written.
    journal
        The moments and the checksum of each date.
    times
        All times.
    dates
        The positions of those that were written, in order.
    period
        The times that the statistics are taken over.

    Raises
    ------
    DataError
        If a date is not what was written.
    """
    shape = reopen_group(directory)["data"].shape  # (time, variable, ensemble, cell)
    chunks = find_chunks(fetcher(directory), shape)
    assert chunks is not None, "they are as they were made"
    counts = np.zeros(len(times), dtype=bool)
    counts[dates] = (times[dates] >= period[0]) & (times[dates] <= period[-1])
    none = Moments.none(shape[1])

    def read(date: int) -> NDArray[np.float32]:
        state = np.empty(shape[1:], dtype=np.float32)
        try:
            chunks.read(state[None], np.array([date]), None, None, None)
        except (ValueError, RuntimeError):
            state.fill(np.nan)
        return state

    def changed(date: int) -> bool:
        return date > 0 and bool(counts[date - 1] and counts[date])

    constancy = Constancy(read(dates[0]))
    size = shape[2] * shape[3]
    missing = np.zeros(shape[1])
    for date in dates.tolist():
        missing += 1 - journal.recorded(date)[0].count / size

    def read_run(run: list[int]) -> list[tuple[Moments, Moments]]:
        before = read(run[0] - 1) if changed(run[0]) else None
        found = []
        for date in run:
            state = read(date)
            moments, checksum = journal.recorded(date)
            if zlib.crc32(state.data) != checksum:
                raise DataError(
                    f"{directory} does not hold what was written for {format_date(times[date])}.",
                    fix="The disk may be faulty. Begin anew: --overwrite",
                )
            if date != dates[0]:
                constancy.add(state)
            if counts[date]:
                compared = before if changed(date) else None
                found.append((moments, none if compared is None else change(compared, state)))
            before = state
        return found

    states = changes = none
    runs = [dates[first : first + _RUN].tolist() for first in range(0, len(dates), _RUN)]
    with ThreadPoolExecutor(processors()) as pool:
        for found in pool.map(read_run, runs):
            for of_date, of_change in found:
                states, changes = states + of_date, changes + of_change
    return Found(states, changes, constancy.constant, missing / len(dates))
