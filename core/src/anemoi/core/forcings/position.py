"""Where a point is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..interfaces.forcing import Forcing

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]


class CosLatitude(Forcing):
    """The cosine of the latitude."""

    constant: ClassVar[bool] = True

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(1, grid)``."""
        return np.cos(np.deg2rad(latitudes))[None]


class SinLatitude(Forcing):
    """The sine of the latitude."""

    constant: ClassVar[bool] = True

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(1, grid)``."""
        return np.sin(np.deg2rad(latitudes))[None]


class CosLongitude(Forcing):
    """The cosine of the longitude."""

    constant: ClassVar[bool] = True

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(1, grid)``."""
        return np.cos(np.deg2rad(longitudes))[None]


class SinLongitude(Forcing):
    """The sine of the longitude."""

    constant: ClassVar[bool] = True

    def compute(self, latitudes: Array, longitudes: Array, times: Times) -> Array:
        """``(1, grid)``."""
        return np.sin(np.deg2rad(longitudes))[None]
