"""The postprocessor ``clip``: values within bounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from numpy.typing import NDArray

from .names import by_column


class Clip(PostProcessor):
    """Replaces values beyond a bound by the bound: negative precipitation by none.

    Parameters
    ----------
    forecast
        What is to come.
    lower, upper
        The bounds of variables in their units, by their names, or by that of a parameter on all its levels:
        ``lower={"tp": 0}``.

    Raises
    ------
    ConfigError
        If no bound is given, the forecast does not have a variable, or a lower bound is above the upper one.
    """

    remembers = False

    def __init__(
        self,
        *,
        forecast: ForecastDescription,
        lower: Mapping[str, float] | None = None,
        upper: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(forecast=forecast)
        if not lower and not upper:
            raise ConfigError("There is no bound to clip at.", fix="Give one: {name: clip, lower: {tp: 0}}.")
        self._bounds = np.full((2, len(forecast.variables)), [[-np.inf], [np.inf]], dtype=np.float32)
        for side, (option, bounds) in enumerate((("lower", lower), ("upper", upper))):
            for column, bound in by_column(forecast, bounds or {}, option).items():
                self._bounds[side, column] = bound
        for name, low, high in zip(forecast.variables, *self._bounds, strict=True):
            if not low <= high:
                raise ConfigError(
                    f"The lower bound of {name}, {low:g}, is not below the upper one, {high:g}."
                )

    def apply(self, state: State) -> NDArray[np.float32]:
        """Clip the next state."""
        return np.clip(state.fields, *self._bounds)
