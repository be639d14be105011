"""Statistics of a sequence of states that is never held in memory at once."""

from __future__ import annotations

import numpy as np
from anemoi.core.interfaces.data_source import Statistics
from numpy.typing import NDArray


class RunningStatistics:
    """Mean, population standard deviation, minimum and maximum of each variable, in float64.

    Batches are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances" (1979), which loses no digits where the mean is much larger
    than the deviation, as it is for pressure. NaNs are left out.
    """

    def __init__(self, variables: int) -> None:
        self._count = np.zeros(variables)
        self._mean = np.zeros(variables)
        self._squares = np.zeros(variables)
        self._minimum = np.full(variables, np.inf)
        self._maximum = np.full(variables, -np.inf)

    def update(self, fields: NDArray[np.floating]) -> None:
        """Take in ``(..., variable)``."""
        values = fields.reshape(-1, fields.shape[-1]).astype(np.float64)
        valid = ~np.isnan(values)
        count = valid.sum(axis=0)
        total = self._count + count
        mean = np.divide(
            values.sum(axis=0, where=valid), count, out=np.zeros_like(self._mean), where=count > 0
        )
        apart = mean - self._mean
        share = np.divide(count, total, out=np.zeros_like(total), where=total > 0)
        self._squares += ((values - mean) ** 2).sum(axis=0, where=valid) + apart**2 * self._count * share
        self._mean += apart * share
        self._count = total
        self._minimum = np.minimum(self._minimum, values.min(axis=0, where=valid, initial=np.inf))
        self._maximum = np.maximum(self._maximum, values.max(axis=0, where=valid, initial=-np.inf))

    def result(self) -> Statistics:
        """Give the statistics of all that was taken in; NaN for a variable that had no value."""
        seen = self._count > 0
        variance = np.divide(self._squares, self._count, out=np.zeros_like(self._mean), where=seen)
        values = (self._mean, np.sqrt(variance), self._minimum, self._maximum)
        return Statistics(*(np.where(seen, value, np.nan) for value in values))
