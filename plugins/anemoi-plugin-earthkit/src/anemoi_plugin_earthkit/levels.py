"""What kind of level a field lies on, in the words that Anemoi has for it, as GRIB and NetCDF tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from anemoi.core.units import conversion

_GRIB: Final = {
    "isobaricInhPa": "pressure",
    "isobaricInPa": "pressure",
    "sigma": "sigma",
    "theta": "theta",
    "hybrid": "model",
    "surface": "surface",
    "meanSea": "surface",
    "heightAboveGround": "height",
    "soilLayer": "soil",
    "depthBelowLand": "soil",
    "depthBelowLandLayer": "soil",
    "depthBelowSea": "depth",
    "potentialVorticity": "pv",
}
"""By the ``typeOfLevel`` of ecCodes; others are called as there."""

_NO_LEVEL: Final = frozenset({"entireAtmosphere", "nominalTop", "unknown"})

_CF: Final = {
    "air_pressure": "pressure",
    "model_level_number": "model",
    "atmosphere_hybrid_sigma_pressure_coordinate": "model",
    "atmosphere_hybrid_height_coordinate": "model",
    "atmosphere_sigma_coordinate": "sigma",
    "height": "height",
    "depth": "depth",
    "depth_below_sea_surface": "depth",
    "air_potential_temperature": "theta",
    "ertel_potential_vorticity": "pv",
}
"""By the standard name of a coordinate in the CF conventions."""

_PRESSURE: Final = frozenset({"Pa", "hPa", "mbar", "millibar", "millibars"})
_POSITIVE: Final = {"up": "height", "down": "depth"}


def of_grib(type_of_level: str, level: float) -> tuple[float | None, str | None]:
    """Give the level and its type of a GRIB message, pressure in hPa; None for what is on none."""
    if type_of_level in _NO_LEVEL:
        return None, None
    word = _GRIB.get(type_of_level, type_of_level)
    if type_of_level == "isobaricInPa":
        level = level / 100
    return (None if word == "surface" else float(level)), word


def is_level(attributes: Mapping[str, Any]) -> bool:
    """Whether a coordinate is one of levels, by its attributes."""
    return _type_of_coordinate(attributes) is not None or "level_type" in attributes


def in_words(coordinate: Any) -> list[float]:
    """The levels of a coordinate in the units that their type has here: pressure in hPa, heights in m."""
    units, wanted = str(coordinate.attrs.get("units", "")), _type_of_coordinate(coordinate.attrs)
    factor = {"pressure": "hPa", "height": "m", "depth": "m", "theta": "K"}.get(wanted or "", units)
    how = conversion("", units, factor) if units else None
    values = [float(value) for value in coordinate.values.reshape(-1)]
    return values if how is None else [value * how.factor + how.offset for value in values]


def type_of_netcdf(attributes: Mapping[str, Any], coordinates: Iterable[Mapping[str, Any]]) -> str | None:
    """Give the type of the level of a NetCDF variable; None where nothing tells it.

    Parameters
    ----------
    attributes
        Those of the variable, which may say ``level_type`` or ``GRIB_typeOfLevel``.
    coordinates
        The attributes of those of its coordinates that may be the level.
    """
    coordinates = list(coordinates)
    if said := [each["level_type"] for each in coordinates if "level_type" in each]:
        return str(said[0])
    if "level_type" in attributes:
        return str(attributes["level_type"])
    if "GRIB_typeOfLevel" in attributes:
        return of_grib(str(attributes["GRIB_typeOfLevel"]), 0)[1]
    return next(filter(None, map(_type_of_coordinate, coordinates)), None)


def _type_of_coordinate(about: Mapping[str, Any]) -> str | None:
    if about.get("standard_name") in _CF:
        return _CF[about["standard_name"]]
    units = about.get("units")
    if units in _PRESSURE:
        return "pressure"
    return _POSITIVE.get(str(about.get("positive"))) if units == "m" else None
