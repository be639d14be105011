"""The postprocessor ``{{ cookiecutter.name }}``."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from numpy.typing import NDArray


class {{ cookiecutter.__class }}(PostProcessor):
    """Smooths every variable in time: each state is a mean of itself and of what was made of the one before.

    Parameters
    ----------
    forecast
        What is to come.
    weight
        How much a state counts: 1 leaves everything as it is.

    Raises
    ------
    ConfigError
        If the weight is not above 0 and up to 1.
    """

    def __init__(self, *, forecast: ForecastDescription, weight: float = 0.5) -> None:
        super().__init__(forecast=forecast)
        if not 0.0 < weight <= 1.0:
            raise ConfigError(f"The weight {weight:g} is not above 0 and up to 1.", fix="Choose 0.5.")
        self._weight = np.float32(weight)
        self._before: NDArray[np.float32] | None = None

    def apply(self, state: State) -> NDArray[np.float32]:
        """See :meth:`anemoi.core.interfaces.postprocessor.PostProcessor.apply`."""
        fields = state.fields  # (member, grid, variable), which are not written to
        if self._before is not None:
            fields = self._before + self._weight * (fields - self._before)
        self._before = fields
        return fields
