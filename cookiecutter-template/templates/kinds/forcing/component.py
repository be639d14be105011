"""The forcing ``{{ cookiecutter.name }}``."""

from __future__ import annotations

import numpy as np
from anemoi.core.interfaces import Forcing
from numpy.typing import NDArray

TILT = np.deg2rad(23.45)
"""Of the axis of the Earth."""


class {{ cookiecutter.__class }}(Forcing):
    """The length of the day: the part of 24 hours that the sun is above the horizon, from 0 to 1.

    The declination is that of Cooper, "The absorption of radiation in solar stills", Solar Energy 12 (1969);
    refraction and the size of the sun are left out.
    """

    def compute(
        self,
        latitudes: NDArray[np.float64],
        longitudes: NDArray[np.float64],
        times: NDArray[np.datetime64],
    ) -> NDArray[np.float64]:
        """See :meth:`anemoi.core.interfaces.forcing.Forcing.compute`."""
        days = (times - times.astype("datetime64[Y]").astype("datetime64[s]")) / np.timedelta64(86400, "s")
        declination = TILT * np.sin(2 * np.pi * (285 + days) / 365)[:, None]  # (time, 1)
        latitude = np.deg2rad(latitudes)  # (grid,)
        # The cosine of the hour angle of sunset: below -1 the sun does not set, above 1 it does not rise.
        up, across = -np.sin(latitude) * np.sin(declination), np.cos(latitude) * np.cos(declination)
        cosine = np.clip(up / np.maximum(across, 1e-12), -1.0, 1.0)  # (time, grid)
        return np.asarray(np.arccos(cosine) / np.pi)
