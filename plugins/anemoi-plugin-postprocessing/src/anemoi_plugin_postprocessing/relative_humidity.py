"""The postprocessor ``relative-humidity``: besides temperature and specific humidity or dew point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces import ForecastDescription
from anemoi.core.units import same_unit
from anemoi.core.variable import Placed, level_name
from numpy.typing import NDArray

from .derived import Derived
from .names import places


class RelativeHumidity(Derived):
    """Adds relative humidity in %: ``r_850`` of ``t_850`` and ``q_850``, ``2r`` of ``2t`` and ``2d``.

    It is computed by earthkit-meteo: on pressure levels over water and ice, as the IFS mixes them between
    -23 °C and 0 °C; from the dew point over water. Values are not bounded.

    Parameters
    ----------
    forecast
        What is to come.

    Raises
    ------
    ConfigError
        If the forecast has one already.
    DataError
        If there is neither of these pairs.
    """

    def __init__(self, *, forecast: ForecastDescription) -> None:
        super().__init__(forecast=forecast)
        at = places(forecast)
        self._on_levels: list[tuple[int, int, float]] = []
        for column, place in enumerate(at):
            humidity = Placed("q", place.level, place.level_type)
            if place.short_name != "t" or place.level_type != "pressure" or humidity not in at:
                continue
            other = at.index(humidity)
            if place.level is not None and self._are_in(column, "K") and self._are_in(other, "kg kg**-1"):
                self._on_levels.append((column, other, place.level))
                name = level_name("r", place.level, place.level_type)
                self._add(replace(forecast.about(forecast.variables[column]), name=name, units="%"))
        self._at_two_metres: tuple[int, int] | None = None
        names = forecast.variables
        if "2t" in names and "2d" in names:
            pair = names.index("2t"), names.index("2d")
            if all(self._are_in(column, "K") for column in pair):
                self._at_two_metres = pair
                self._add(replace(forecast.about("2t"), name="2r", units="%"))
        if not self._on_levels and self._at_two_metres is None:
            raise DataError(
                "Relative humidity needs t in K and q in kg kg**-1 on pressure levels, or 2t and 2d in K; "
                f"there are {', '.join(names)}.",
                fix="Leave the step out.",
            )

    def _are_in(self, column: int, units: str) -> bool:
        return same_unit(self.before.units.get(self.before.variables[column], "?"), units)

    def _computed(self, fields: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        from earthkit.meteo.thermo import array as thermo

        found = [
            thermo.relative_humidity_from_specific_humidity(
                fields[..., temperature], fields[..., humidity], np.float32(level * 100.0)
            )
            for temperature, humidity, level in self._on_levels
        ]
        if self._at_two_metres is not None:
            temperature, dew_point = self._at_two_metres
            found.append(
                thermo.relative_humidity_from_dewpoint(fields[..., temperature], fields[..., dew_point])
            )
        return found
