"""Statistics of values that are never in memory at once, gathered part by part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .domain import Statistics


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
    def of(cls, fields: Iterable[NDArray[np.floating]]) -> Moments:
        """Those of ``(variable, ...)``, or of one variable after another."""
        if isinstance(fields, np.ndarray):
            # One copy where the variables are the last axis in memory: each by itself would read it all.
            fields = np.ascontiguousarray(fields)
        return cls(*np.array([_of_one(variable) for variable in fields]).T)

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


def _of_one(values: NDArray[np.floating]) -> tuple[float, float, float, float, float]:
    """The moments of one variable, in place: fresh memory costs more than the arithmetic."""
    found = np.array(values, np.float64, order="C").reshape(-1)
    lowest = found.min(initial=np.inf)
    if np.isnan(lowest):
        found = found[~np.isnan(found)]
        lowest = found.min(initial=np.inf)
    if not found.size:
        return 0.0, 0.0, 0.0, np.inf, -np.inf
    highest, mean = found.max(), found.mean()
    with np.errstate(invalid="ignore"):  # infinite values have no deviation
        found -= mean
        found *= found
    return float(found.size), mean, found.sum(), lowest, highest
