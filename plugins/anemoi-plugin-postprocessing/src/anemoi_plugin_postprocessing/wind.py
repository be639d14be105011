"""The postprocessor ``wind``: speed and direction besides the components."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces import ForecastDescription
from anemoi.core.variable import level_name
from numpy.typing import NDArray

from .derived import Derived
from .winds import WindPair, wind_pairs

DEGREES = "degrees"
"""The units of directions."""


class Wind(Derived):
    """Adds speed and direction of every wind: ``ws_850``, ``wdir_850``, ``10si``, ``10wdir``.

    The direction is where the wind comes from, clockwise from north, as meteorologists have it. Both are
    computed by earthkit-meteo, for each member on its own.

    Parameters
    ----------
    forecast
        What is to come.
    speed, direction
        Which of them to add.

    Raises
    ------
    ConfigError
        If neither is, or the forecast has one already.
    DataError
        If no wind has both components.
    """

    def __init__(self, *, forecast: ForecastDescription, speed: bool = True, direction: bool = True) -> None:
        super().__init__(forecast=forecast)
        if not speed and not direction:
            raise ConfigError("Neither speed nor direction of the wind is to be added.", fix="Choose one.")
        self._pairs, self._kinds = wind_pairs(forecast), (speed, direction)
        if not self._pairs:
            raise DataError(
                f"No wind has both components in the same units among {', '.join(forecast.variables)}.",
                fix="Leave the step out; names are u_850 and v_850, 10u and 10v.",
            )
        for pair in self._pairs:
            if speed:
                self._add(replace(pair.about, name=_name(pair, "si" if pair.height else "ws")))
            if direction:
                self._add(replace(pair.about, name=_name(pair, "wdir"), units=DEGREES))

    def _computed(self, fields: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        from earthkit.meteo.wind import array as wind

        found = []
        for pair in self._pairs:
            u, v = fields[..., pair.u], fields[..., pair.v]
            found += [how(u, v) for how, wanted in zip((wind.speed, wind.direction), self._kinds, strict=True)
                      if wanted]  # fmt: skip
        return found


def _name(pair: WindPair, word: str) -> str:
    """What ECMWF calls the speed or the direction of a wind."""
    if pair.at.level is None or pair.at.short_name == pair.about.name:
        return f"{pair.height}{word}"
    return level_name(f"{pair.height}{word}", pair.at.level, pair.at.level_type)
