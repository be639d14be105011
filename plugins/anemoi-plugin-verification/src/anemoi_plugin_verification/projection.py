"""The Robinson projection: the whole globe on one map, neither its areas nor its shapes far wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

# Length of the parallel, and distance of the parallel from the equator, every five degrees from the
# equator to the pole (Robinson, "A new map projection: its development and characteristics", 1974,
# table as in Snyder and Voxland, "An Album of Map Projections", USGS Professional Paper 1453, 1989).
_LENGTH = (
    *(1.0000, 0.9986, 0.9954, 0.9900, 0.9822, 0.9730, 0.9600, 0.9427, 0.9216, 0.8962),
    *(0.8679, 0.8350, 0.7986, 0.7597, 0.7186, 0.6732, 0.6213, 0.5722, 0.5322),
)
_DISTANCE = (
    *(0.0000, 0.0620, 0.1240, 0.1860, 0.2480, 0.3100, 0.3720, 0.4340, 0.4958, 0.5571),
    *(0.6176, 0.6769, 0.7346, 0.7903, 0.8435, 0.8936, 0.9394, 0.9761, 1.0000),
)
_X, _Y = 0.8487, 1.3523  # for a sphere of radius one

WIDTH, HEIGHT = 2 * np.pi * _X, 2 * _Y
"""The extent of the globe on the map, which is centred on (0, 0)."""


@cache
def _splines() -> tuple[CubicSpline, CubicSpline]:
    latitudes = np.arange(-90.0, 90.1, 5.0)
    length, distance = np.array(_LENGTH), np.array(_DISTANCE)
    return (
        CubicSpline(latitudes, np.concatenate([length[:0:-1], length])),
        CubicSpline(latitudes, np.concatenate([-distance[:0:-1], distance])),
    )


def project(longitudes: Array, latitudes: Array, centre: float = 0.0) -> tuple[Array, Array]:
    """Project points given in degrees; longitudes are taken to within 180° of the ``centre`` of the map."""
    length, distance = _splines()
    from_centre = (np.asarray(longitudes) - centre + 180.0) % 360.0 - 180.0
    return _X * length(latitudes) * np.deg2rad(from_centre), _Y * distance(latitudes)


def unproject(x: Array, y: Array, centre: float = 0.0) -> tuple[Array, Array]:
    """Find the longitudes and latitudes, in degrees, of points on the map; off the globe, of its edge."""
    length, distance = _splines()
    fine = np.linspace(-90.0, 90.0, 3601)
    latitudes = np.interp(y, _Y * distance(fine), fine)
    from_centre = np.rad2deg(x / (_X * length(latitudes)))
    return np.clip(from_centre, -180.0, 180.0) + centre, latitudes


def outline() -> tuple[Array, Array]:
    """Draw the edge of the globe on the map, counter-clockwise from its lower right."""
    length, distance = _splines()
    latitudes = np.linspace(-90.0, 90.0, 181)
    x, y = WIDTH / 2 * length(latitudes), _Y * distance(latitudes)
    return np.concatenate([x, -x[::-1]]), np.concatenate([y, y[::-1]])
