"""States of the past as an ensemble forecast, which knows what weather there is and nothing of the day."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import time_of_day
from numpy.typing import NDArray

from .fields import read_fields
from .metric import Array
from .period import Period

YEAR, SEASON = np.timedelta64(365, "D"), np.timedelta64(15, "D")
"""In a period of more than a year members are from within 15 days of the day of the year."""

KEPT = 4
"""Ensembles kept in memory: a day at steps of six hours has so many."""


class PastStates:
    """The climatological ensemble: states of a period at the same time of day, and of the same season.

    Members are spread evenly over the times that qualify: those with the same time of day, and in a period
    of more than a year those of the season among them, each where there are enough of them.

    Parameters
    ----------
    source
        Of the states.
    variables
        What is read of them.
    period
        Whose states it takes.
    members
        How many; fewer where the period has fewer states.
    may_be_missing
        Variables that may be NaN.

    Raises
    ------
    DataError
        If the period has fewer than two states.
    """

    def __init__(
        self,
        source: DataSource,
        variables: tuple[str, ...],
        period: Period,
        members: int,
        *,
        may_be_missing: Collection[str] = (),
    ) -> None:
        self._source, self._variables, self._may_be_missing = source, variables, may_be_missing
        within = source.times[(source.times >= period.start) & (source.times <= period.end)]
        self._times: Times = within[~np.isin(within, list(source.missing))]
        if len(self._times) < 2:
            raise DataError(f"The data have fewer than two states within {period} for an ensemble.")
        self.members = min(members, len(self._times))
        self._read: dict[bytes, Array] = {}

    def dates(self, time: np.datetime64) -> Times:
        """When the members of a forecast for ``time`` are from, ``(members,)``."""
        times = self._times
        same = times[time_of_day(times) == time_of_day(time)]
        times = same if len(same) >= self.members else times
        if times[-1] - times[0] > YEAR:
            season = times[_days_apart(times, time) <= SEASON]
            times = season if len(season) >= self.members else times
        return times[np.arange(self.members) * len(times) // self.members]

    def at(self, time: np.datetime64) -> Array:
        """Give the members for ``time``, ``(members, grid, variable)``; not to be written to.

        Raises
        ------
        DataError
            If a value is not finite that should be.
        """
        dates = self.dates(time)
        key = dates.tobytes()
        if key not in self._read:
            if len(self._read) >= KEPT:
                del self._read[next(iter(self._read))]
            self._read[key] = read_fields(
                self._source, self._variables, dates, may_be_missing=self._may_be_missing
            )
        return self._read[key]


def _days_apart(times: Times, time: np.datetime64) -> NDArray[np.timedelta64]:
    """How far times are from the day of the year of ``time``, whatever the year."""
    apart = np.abs(_since_new_year(times) - _since_new_year(time))
    return np.minimum(apart, YEAR - apart)


def _since_new_year(times: Times | np.datetime64) -> NDArray[np.timedelta64]:
    times = np.asarray(times, "datetime64[s]")
    return np.asarray(times - times.astype("datetime64[Y]"))
