"""The time of year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..interfaces.forcing import Forcing
from .clock import year_angle

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]


class CosJulianDay(Forcing):
    """The cosine of the time of year, one at its beginning, the same at all places."""

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(time, grid)``."""
        return np.broadcast_to(np.cos(year_angle(times)), (len(times), len(latitudes)))


class SinJulianDay(Forcing):
    """The sine of the time of year, the same at all places."""

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(time, grid)``."""
        return np.broadcast_to(np.sin(year_angle(times)), (len(times), len(latitudes)))
