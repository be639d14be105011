"""The time of day by the sun, without the equation of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .clock import day_angle
from .place import Placed

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]


class CosLocalTime(Placed):
    """The cosine of the local time of day: one at midnight, minus one at noon."""

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(time, grid)``."""
        angle = day_angle(times) + self.place(latitudes, longitudes).longitude
        return np.cos(angle, out=angle)


class SinLocalTime(Placed):
    """The sine of the local time of day: one at six, minus one at eighteen."""

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(time, grid)``."""
        angle = day_angle(times) + self.place(latitudes, longitudes).longitude
        return np.sin(angle, out=angle)
