"""What postprocessors have in common that add variables to those of a forecast."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from anemoi.core.variable import Variable
from numpy.typing import NDArray


class Derived(PostProcessor):
    """Adds variables behind those of the forecast. A subclass calls :meth:`_add`, and computes them.

    Parameters
    ----------
    forecast
        What is to come.
    """

    remembers = False

    def __init__(self, *, forecast: ForecastDescription) -> None:
        super().__init__(forecast=forecast)
        self._after = forecast

    def _add(self, *variables: Variable) -> None:
        """Announce variables.

        Raises
        ------
        ConfigError
            If the forecast has one of that name already.
        """
        about = [self._after.about(name) for name in self._after.variables]
        if twice := [each.name for each in variables if each.name in self._after.variables]:
            raise ConfigError(
                f"The forecast has {', '.join(twice)} already.", fix="Take the step out of the chain."
            )
        self._after = self._after.with_variables([*about, *variables])

    @property
    def after(self) -> ForecastDescription:
        """The variables of before, and those that it adds."""
        return self._after

    @abstractmethod
    def _computed(self, fields: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Compute the variables that were announced, ``(members, grid)`` each, in this order."""

    def apply(self, state: State) -> NDArray[np.float32]:
        """Add to the next state."""
        new = np.stack(self._computed(state.fields), axis=-1)
        return np.concatenate([state.fields, new.astype(np.float32)], axis=-1)
