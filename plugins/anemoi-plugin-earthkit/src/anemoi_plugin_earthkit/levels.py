"""What kind of level a field lies on, in the words that Anemoi has for it, as GRIB and NetCDF tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from anemoi.core.errors import DataError
from anemoi.core.units import conversion
from anemoi.core.variable import are_pressure_levels

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
    """The levels of a coordinate in the units that their type has here: pressure in hPa, all lengths in m."""
    units = str(coordinate.attrs.get("units", ""))
    ways = (conversion("", units, wanted) for wanted in ("hPa", "m", "K")) if units else ()
    how = next((way for way in ways if way is not None), None)
    values = [float(value) for value in coordinate.values.reshape(-1)]
    return values if how is None else [value * how.factor + how.offset for value in values]


def type_of_levels(
    what: str,
    levels: Collection[float],
    attributes: Mapping[str, Any],
    coordinates: Collection[Mapping[str, Any]],
    said: str | None,
) -> str | None:
    """Give the type of the levels of a NetCDF variable; None where it has no levels and nothing tells a type.

    Parameters
    ----------
    what
        Whose levels, for errors.
    levels
        Their numbers.
    attributes, coordinates
        As of :func:`type_of_netcdf`.
    said
        What the user says that they are, where the file does not.

    Raises
    ------
    DataError
        If nothing tells what the levels are: a number alone would be taken for pressure.
    """
    found = type_of_netcdf(attributes, coordinates)
    if found is not None or not levels:
        return found
    if said is not None:
        return said
    units = sorted({str(each["units"]) for each in coordinates if "units" in each and not _is_place(each)})
    if not units and are_pressure_levels(levels):
        return "pressure"
    shown = ", ".join(f"{each:g}" for each in list(levels)[:4])
    raise DataError(
        f"{what} ({shown}{', ...' if len(levels) > 4 else ''}; units {', '.join(units) or 'not given'}) are "
        "of a type that nothing tells: it takes units of pressure, a standard_name, or metres and positive.",
        fix="Say it: level_type=pressure, or model, height, depth, ...",
    )


def _is_place(about: Mapping[str, Any]) -> bool:
    """Whether a coordinate is one of time or place, by its attributes."""
    return about.get("standard_name") in ("time", "latitude", "longitude", "forecast_reference_time")


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
    units = str(about.get("units", ""))
    if units and conversion("", units, "hPa") is not None:
        return "pressure"
    is_length = units and conversion("", units, "m") is not None
    return _POSITIVE.get(str(about.get("positive"))) if is_length else None
