"""Statistics of a sequence of states that is never held in memory at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anemoi.core.interfaces.data_source import Statistics
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """What is known of the values of each variable; ``(variable,)`` float64 each. NaNs are left out.

    Parameters
    ----------
    count
        How many values there are.
    mean
        Their mean, 0 where there are none.
    squares
        The sum of their squared deviations from it.
    minimum, maximum
        Their extremes; infinite where there are none.
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]

    @classmethod
    def none(cls, variables: int) -> Moments:
        """Those of no values at all."""
        zero, infinity = np.zeros(variables), np.full(variables, np.inf)
        return cls(zero, zero, zero, infinity, -infinity)

    @classmethod
    def of(cls, fields: NDArray[np.floating]) -> Moments:
        """Those of ``(variable, ...)``."""
        values = fields.reshape(len(fields), -1).astype(np.float64)
        valid = ~np.isnan(values)
        count = valid.sum(axis=1).astype(np.float64)
        sums = values.sum(axis=1, where=valid)
        mean = np.divide(sums, count, out=np.zeros_like(count), where=count > 0)
        with np.errstate(invalid="ignore"):  # infinite values have no deviation
            squares = ((values - mean[:, None]) ** 2).sum(axis=1, where=valid)
        return cls(
            count,
            mean,
            squares,
            values.min(axis=1, where=valid, initial=np.inf),
            values.max(axis=1, where=valid, initial=-np.inf),
        )

    def __add__(self, other: Moments) -> Moments:
        """Those of both.

        They are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
        for computing sample variances" (1979), which loses no digits where the mean is much larger
        than the deviation, as it is for pressure.
        """
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros_like(count), where=count > 0)
        apart = other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * share,
            self.squares + other.squares + apart**2 * self.count * share,
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
        )

    def statistics(self) -> Statistics:
        """Mean, population standard deviation and extremes; NaN for a variable that has no value."""
        seen = self.count > 0
        variance = np.divide(self.squares, self.count, out=np.zeros_like(self.mean), where=seen)
        values = (self.mean, np.sqrt(variance), self.minimum, self.maximum)
        return Statistics(*(np.where(seen, value, np.nan) for value in values))
