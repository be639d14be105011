"""The postprocessor ``geopotential-height``: the height besides the geopotential."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces import ForecastDescription
from anemoi.core.units import same_unit
from anemoi.core.variable import level_name
from numpy.typing import NDArray

from .derived import Derived
from .names import places


class GeopotentialHeight(Derived):
    """Adds the geopotential height in m of every geopotential on levels: ``gh_500`` of ``z_500``.

    It is computed by earthkit-meteo.

    Parameters
    ----------
    forecast
        What is to come.

    Raises
    ------
    ConfigError
        If the forecast has one already.
    DataError
        If there is no geopotential on levels.
    """

    def __init__(self, *, forecast: ForecastDescription) -> None:
        super().__init__(forecast=forecast)
        self._columns = []
        for column, (name, at) in enumerate(zip(forecast.variables, places(forecast), strict=True)):
            each = forecast.about(name)
            if at.short_name == "z" and at.level is not None and same_unit(each.units or "", "m2 s-2"):
                self._columns.append(column)
                self._add(replace(each, name=level_name("gh", at.level, at.level_type), units="m"))
        if not self._columns:
            raise DataError(
                f"No geopotential on levels in m**2 s**-2 is among {', '.join(forecast.variables)}.",
                fix="Leave the step out.",
            )

    def _computed(self, fields: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        from earthkit.meteo.vertical.array import geopotential_height_from_geopotential

        return [geopotential_height_from_geopotential(fields[..., column]) for column in self._columns]
