"""The mean state of the training period, which some metrics compare forecasts with."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import time_of_day
from numpy.typing import NDArray

from .reading import read_patiently

STATES: Final = 30
"""States that the mean of a time of day is taken of: its noise is then a fifth of the anomalies."""

ENOUGH: Final = 10
"""Below so many states for a time of day, the noise in its mean exceeds the daily cycle it is to show."""

_CHUNK: Final = 10
"""States read at once."""


class Past:
    """The mean state at each time of day, over states that are spread evenly over a period.

    It is read when it is asked for first, a time of day at a time. Where the period has less than ten states
    at a time of day, the mean of all times of day stands for it.

    Parameters
    ----------
    source
        The data.
    times
        The period, missing times included.
    variables
        Those wanted.
    """

    def __init__(self, source: DataSource, times: NDArray[np.datetime64], variables: tuple[str, ...]) -> None:
        missing = source.missing
        self._source = source
        self._times = np.array([time for time in times if time not in missing], "datetime64[s]")
        self._columns = [source.variables.index(name) for name in variables]
        self._means: dict[np.timedelta64 | None, NDArray[np.float32]] = {}

    def at(self, times: NDArray[np.datetime64]) -> NDArray[np.float32]:
        """Give the mean states for some times, ``(times, grid, variables)``; NaN where there is no value."""
        return np.stack([self._at(each) for each in time_of_day(times)])

    def _at(self, time: np.timedelta64) -> NDArray[np.float32]:
        same = self._times[time_of_day(self._times) == time]
        key = time if len(same) >= ENOUGH else None
        if key not in self._means:
            self._means[key] = self._mean(self._times if key is None else same)
        return self._means[key]

    def _mean(self, times: NDArray[np.datetime64]) -> NDArray[np.float32]:
        spread = np.unique(np.linspace(0, len(times) - 1, STATES).round().astype(int))
        total, count = np.zeros(()), np.zeros(())
        for begin in range(0, len(spread), _CHUNK):
            fields = read_patiently(self._source, times[spread[begin : begin + _CHUNK]])
            values: NDArray[Any] = fields[..., self._columns].astype(np.float64)
            known = ~np.isnan(values)
            total = total + np.where(known, values, 0.0).sum(axis=(0, 1))  # (grid, variables)
            count = count + known.sum(axis=(0, 1))
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return mean.astype(np.float32)
