"""The coastlines of the world: Natural Earth 1:110m, public domain (see tools/make_coastlines.py)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@cache
def coastlines() -> tuple[NDArray[np.float64], ...]:
    """Read the coastlines, each ``(points, 2)``: longitudes in [-180, 180] and latitudes, in degrees."""
    with (files(__package__) / "coastlines.npz").open("rb") as file, np.load(file) as stored:
        points, lengths = stored["hundredths"] / 100.0, stored["lengths"]
    return tuple(np.split(points, np.cumsum(lengths)[:-1]))
