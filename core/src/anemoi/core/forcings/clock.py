"""The time of year and of day, as angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..times import time_of_day

Array = NDArray[np.float64]


def year_angle(times: NDArray[np.datetime64]) -> Array:
    """2π times the fraction of the year that has passed, ``(times, 1)``, of times in seconds."""
    year = times.astype("datetime64[Y]")
    start, end = year.astype("datetime64[s]"), (year + 1).astype("datetime64[s]")
    return np.asarray(2 * np.pi * ((times - start) / (end - start)))[:, None]


def day_angle(times: NDArray[np.datetime64]) -> Array:
    """2π times the fraction of the day (UTC) that has passed, ``(times, 1)``, of times in seconds."""
    return np.asarray(2 * np.pi * (time_of_day(times) / np.timedelta64(86400, "s")))[:, None]
