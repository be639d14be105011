"""The postprocessor ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from anemoi.core.variable import level_name, placed
from numpy.typing import NDArray

KAPPA = 2.0 / 7.0
"""The gas constant of dry air by its heat capacity at constant pressure."""


class {{ cookiecutter.__class }}(PostProcessor):
    """Adds the potential temperature of every temperature on a pressure level: ``pt_850`` of ``t_850``, in K.

    Parameters
    ----------
    forecast
        What is to come.
    reference
        The pressure that air is brought to without heating it, in hPa.

    Raises
    ------
    DataError
        If there is no temperature on pressure levels.
    """

    def __init__(self, *, forecast: ForecastDescription, reference: float = 1000.0) -> None:
        super().__init__(forecast=forecast)
        about = [forecast.about(name) for name in forecast.variables]
        found = [
            (column, variable, level)
            for column, variable in enumerate(about)
            if (at := placed(variable)).short_name == "t" and (level := at.level) is not None
            if at.level_type == "pressure" and variable.units == "K"
        ]
        if not found:
            raise DataError(
                f"There is no temperature on pressure levels among {', '.join(forecast.variables)}.",
                fix="Leave {{ cookiecutter.name }} out, or forecast with a model of temperatures in K.",
            )
        self._columns = [column for column, _, _ in found]
        self._factors = np.array([(reference / level) ** KAPPA for _, _, level in found], dtype=np.float32)
        new = [replace(variable, name=level_name("pt", level)) for _, variable, level in found]
        self._after = forecast.with_variables([*about, *new])

    @property
    def after(self) -> ForecastDescription:
        """See :attr:`anemoi.core.interfaces.postprocessor.PostProcessor.after`."""
        return self._after

    def apply(self, state: State) -> NDArray[np.float32]:
        """See :meth:`anemoi.core.interfaces.postprocessor.PostProcessor.apply`."""
        new = state.fields[..., self._columns] * self._factors  # (member, grid, levels)
        return np.concatenate([state.fields, new], axis=-1)
