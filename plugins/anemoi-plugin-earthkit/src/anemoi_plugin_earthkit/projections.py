"""From the coordinates of map projections and rotated poles to latitudes and longitudes.

Projections are those of Snyder, "Map Projections: A Working Manual" (1987), on a sphere or an ellipsoid.
They are written here because pyproj does not work in a process that has loaded the PROJ library of eccodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Degrees = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Latitudes and longitudes."""

_ITERATIONS: Final = 12
"""Each gives more than two digits on an ellipsoid like that of the Earth."""


def places(mapping: Mapping[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> Degrees:
    """Give latitudes and longitudes by the attributes of a grid mapping of the CF conventions.

    Parameters
    ----------
    mapping
        The attributes.
    x, y
        In metres; of a rotated pole degrees.

    Raises
    ------
    ValueError
        If it is none that is known, or an attribute is absent.
    """
    kind = str(mapping["grid_mapping_name"])
    if kind not in _KINDS:
        raise ValueError(f"that is none of {', '.join(sorted(_KINDS))}")
    try:
        return _KINDS[kind](mapping, x, y)
    except KeyError as error:
        raise ValueError(f"it has no attribute {error.args[0]}") from error


def _rotated(mapping: Mapping[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> Degrees:
    pole, of_pole = _radians(mapping, "grid_north_pole_latitude", "grid_north_pole_longitude")
    east = np.deg2rad(x - float(mapping.get("north_pole_grid_longitude", 0.0)))
    north = np.deg2rad(y)
    towards = np.cos(pole) * np.sin(north) - np.sin(pole) * np.cos(east) * np.cos(north)
    across = np.sin(east) * np.cos(north)
    up = np.sin(pole) * np.sin(north) + np.cos(pole) * np.cos(north) * np.cos(east)
    return np.rad2deg(np.arcsin(np.clip(up, -1, 1))), _turned(of_pole - np.arctan2(across, towards))


def _lambert(mapping: Mapping[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> Degrees:
    """Section 15, equations 14-1 to 15-11."""
    radius, e = _earth(mapping)
    origin, middle = _radians(mapping, "latitude_of_projection_origin", "longitude_of_central_meridian")
    parallels = np.deg2rad(np.atleast_1d(np.asarray(mapping["standard_parallel"], dtype=np.float64)))
    first, last = parallels[0], parallels[-1]
    if np.isclose(first, last):
        cone = np.sin(first)
    else:
        cone = np.log(_m(first, e) / _m(last, e)) / np.log(_t(first, e) / _t(last, e))
    scale = radius * _m(first, e) / (cone * _t(first, e) ** cone)
    x, y = _from_origin(mapping, x, y)
    down = scale * _t(origin, e) ** cone - y
    distance = np.sign(cone) * np.hypot(x, down)
    angle = np.arctan2(np.sign(cone) * x, np.sign(cone) * down)
    return _latitude((distance / scale) ** (1 / cone), e), _turned(middle + angle / cone)


def _stereographic(mapping: Mapping[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> Degrees:
    """Section 21, equations 21-33 to 21-39."""
    radius, e = _earth(mapping)
    pole = float(np.asarray(mapping["latitude_of_projection_origin"]).item())
    if abs(abs(pole) - 90.0) > 1e-6:
        raise ValueError(f"latitude_of_projection_origin is {pole:g}, which is no pole")
    side = np.sign(pole)
    (middle,) = _radians(mapping, "straight_vertical_longitude_from_pole")
    if "standard_parallel" in mapping:
        # As near to the pole as this, where the formula has 0 / 0, it is the same to 0.1 mm.
        parallel = min(side * _radians(mapping, "standard_parallel")[0], np.deg2rad(90 - 1e-6))
        scale = radius * _m(parallel, e) / _t(parallel, e)
    else:
        factor = float(mapping["scale_factor_at_projection_origin"])
        scale = 2 * radius * factor / np.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
    x, y = _from_origin(mapping, x, y)
    return side * _latitude(np.hypot(x, y) / scale, e), _turned(middle + np.arctan2(x, -side * y))


_KINDS: Final[Mapping[str, Callable[..., Degrees]]] = {
    "rotated_latitude_longitude": _rotated,
    "lambert_conformal_conic": _lambert,
    "polar_stereographic": _stereographic,
}


def _radians(mapping: Mapping[str, Any], *names: str) -> list[float]:
    return [float(np.deg2rad(np.asarray(mapping[name], dtype=np.float64).item())) for name in names]


def _earth(mapping: Mapping[str, Any]) -> tuple[float, float]:
    """The larger radius in m, and the eccentricity."""
    if "earth_radius" in mapping:
        return float(mapping["earth_radius"]), 0.0
    if "semi_major_axis" not in mapping:
        raise ValueError("it does not say how large the Earth is: earth_radius, or semi_major_axis")
    major = float(mapping["semi_major_axis"])
    if "semi_minor_axis" in mapping:
        return major, float(np.sqrt(max(1 - (float(mapping["semi_minor_axis"]) / major) ** 2, 0.0)))
    inverse = float(mapping.get("inverse_flattening", 0.0))
    flattening = 1 / inverse if inverse else 0.0
    return major, float(np.sqrt(flattening * (2 - flattening)))


def _from_origin(
    mapping: Mapping[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return x - float(mapping.get("false_easting", 0.0)), y - float(mapping.get("false_northing", 0.0))


def _m(latitude: float, e: float) -> float:
    return float(np.cos(latitude) / np.sqrt(1 - (e * np.sin(latitude)) ** 2))


def _t(latitude: float, e: float) -> float:
    sine = e * np.sin(latitude)
    return float(np.tan(np.pi / 4 - latitude / 2) / ((1 - sine) / (1 + sine)) ** (e / 2))


def _latitude(t: NDArray[np.float64], e: float) -> NDArray[np.float64]:
    """Equation 7-9, in degrees."""
    latitude = np.pi / 2 - 2 * np.arctan(t)
    for _ in range(_ITERATIONS if e else 0):
        sine = e * np.sin(latitude)
        latitude = np.pi / 2 - 2 * np.arctan(t * ((1 - sine) / (1 + sine)) ** (e / 2))
    return np.asarray(np.rad2deg(latitude))


def _turned(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """From radians to degrees from -180 to 180."""
    return np.asarray((np.rad2deg(longitude) + 180.0) % 360.0 - 180.0)
