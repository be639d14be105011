"""Statistics of states that are never in memory at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from anemoi.core.interfaces.data_source import Statistics
from numpy.typing import NDArray


def statistics_of(states: Iterable[NDArray[np.float32]], variables: int) -> Statistics:
    """Compute the statistics of each variable over states ``(ensemble, grid, variable)``; NaNs are left out.

    Deviations are taken from the mean of the first state, so that no digits are lost where the mean is much
    larger than the deviation, as that of pressure is (Chan, Golub and LeVeque, "Algorithms for computing the
    sample variance: analysis and recommendations", 1983).
    """
    count, total, squares = np.zeros(variables), np.zeros(variables), np.zeros(variables)
    minimum, maximum = np.full(variables, np.inf), np.full(variables, -np.inf)
    origin: NDArray[np.float64] | None = None
    for state in states:
        values = state.reshape(-1, variables).astype(np.float64)
        there = ~np.isnan(values)
        number = there.sum(axis=0)
        if origin is None:
            origin = values.sum(axis=0, where=there) / np.maximum(number, 1)
        values -= origin
        count += number
        total += values.sum(axis=0, where=there)
        squares += (values**2).sum(axis=0, where=there)
        minimum = np.minimum(minimum, values.min(axis=0, where=there, initial=np.inf))
        maximum = np.maximum(maximum, values.max(axis=0, where=there, initial=-np.inf))
    origin = np.zeros(variables) if origin is None else origin
    with np.errstate(invalid="ignore"):  # A variable without any value has NaNs.
        mean = np.where(count > 0, total, np.nan) / np.maximum(count, 1)
        variance = squares / np.maximum(count, 1) - mean**2
    return Statistics(
        mean=origin + mean,
        stdev=np.sqrt(np.maximum(variance, 0.0)),
        minimum=np.where(count > 0, origin + minimum, np.nan),
        maximum=np.where(count > 0, origin + maximum, np.nan),
    )
