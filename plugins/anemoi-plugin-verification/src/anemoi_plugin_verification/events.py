"""Events whose probability an ensemble forecasts: that a value is above a threshold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from anemoi.core.errors import ConfigError

from .formulas import Array, Field


class Events:
    """One event for each variable: a value above a threshold, or above climatology.

    Parameters
    ----------
    variables
        In their order.
    thresholds
        In the units of the data, by variable; of the others the event is to be above climatology.

    Raises
    ------
    ConfigError
        If a threshold is of another variable, or no number.
    """

    def __init__(self, variables: tuple[str, ...], thresholds: Mapping[str, float]) -> None:
        if unknown := [name for name in thresholds if name not in variables]:
            raise ConfigError(
                f"There is a threshold of {', '.join(unknown)}, which is not forecast.",
                fix=f"The variables are {', '.join(variables)}.",
            )
        self._fixed: dict[int, float] = {}
        for name, value in thresholds.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                raise ConfigError(f"The threshold of {name}, {value!r}, is no number.")
            self._fixed[variables.index(name)] = float(value)

    def thresholds(self, climatology: Field) -> Array:
        """Give the threshold in each cell, from climatology ``(..., grid, variable)`` and in its shape."""
        found = climatology.astype(np.float64)
        for variable, value in self._fixed.items():
            found[..., variable] = value
        return found
