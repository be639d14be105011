"""The mean state of a period: the forecast that knows the season and nothing of the day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date, time_of_day
from numpy.typing import NDArray

from .fields import read_fields

DAYS_FOR_A_DAILY_CYCLE = 10
"""Below so many states for a time of day, the noise in its mean exceeds the daily cycle it is to show."""

CHUNK = 64
"""States read at once: enough to be quick, few enough to fit in memory."""


@dataclass(frozen=True)
class Climatology:
    """Mean states by time of day.

    Parameters
    ----------
    start, end
        The first and last time of the period that the means are of.
    hours
        The times of day, ``(hours,)`` timedelta64[s] since midnight UTC; only midnight where the
        period is too short for a daily cycle, and then its mean stands for every time of day.
    means
        ``(hours, grid, variable)`` float64; NaN where a variable has no value at any time.
    """

    start: np.datetime64
    end: np.datetime64
    hours: NDArray[np.timedelta64]
    means: NDArray[np.float64]

    @cached_property
    def overall(self) -> NDArray[np.float64]:
        """The mean over all times of day, ``(grid, variable)``."""
        return np.asarray(self.means.mean(axis=0))

    @property
    def has_daily_cycle(self) -> bool:
        """Whether it distinguishes times of day."""
        return len(self.hours) > 1

    def at(self, time: np.datetime64) -> NDArray[np.float64]:
        """Give the mean state for the time of day of ``time``, ``(grid, variable)``; else the overall one."""
        same = self.hours == time_of_day(time)
        return self.means[int(same.argmax())] if self.has_daily_cycle and same.any() else self.overall


def climatology(
    source: DataSource,
    variables: tuple[str, ...],
    start: np.datetime64,
    end: np.datetime64,
    *,
    may_be_missing: Collection[str] = (),
) -> Climatology:
    """Take the means of ``source`` from ``start`` to ``end``, both included.

    They are taken by time of day where there are at least ten states for each, over the whole
    period otherwise. NaNs of variables that ``may_be_missing`` are left out.

    Raises
    ------
    DataError
        If the source has no state in the period.
    """
    missing = source.missing
    times = np.array(
        [time for time in source.times if start <= time <= end and time not in missing], "datetime64[s]"
    )
    if not len(times):
        raise DataError(
            f"The data have no state between {format_date(start)} and {format_date(end)}, "
            "the period of the climatology.",
            fix=f"They run from {format_date(source.times[0])} to {format_date(source.times[-1])}.",
        )
    hours, hour_of, counts = np.unique(time_of_day(times), return_inverse=True, return_counts=True)
    if counts.min() < DAYS_FOR_A_DAILY_CYCLE:
        hours, hour_of = hours[:1] * 0, np.zeros(len(times), int)
    sums = np.zeros((len(hours), len(source.grid), len(variables)))
    values = np.zeros(sums.shape, np.int32)
    for first in range(0, len(times), CHUNK):
        chunk = slice(first, first + CHUNK)
        fields = read_fields(source, variables, times[chunk], may_be_missing=may_be_missing)
        known = ~np.isnan(fields)
        np.add.at(sums, hour_of[chunk], np.where(known, fields, 0.0))
        np.add.at(values, hour_of[chunk], known)
    means = np.divide(sums, values, out=np.full_like(sums, np.nan), where=values > 0)
    return Climatology(times[0], times[-1], hours, means)
