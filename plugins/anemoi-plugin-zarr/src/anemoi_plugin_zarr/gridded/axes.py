"""What the dimensions of a store mean: time, lead time, member, level, and the points of the grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Times
from anemoi.core.units import conversion
from anemoi.core.variable import are_pressure_levels
from numpy.typing import NDArray

from ..limits import check_bytes

_MEMBER: Final = frozenset({"number", "realization", "member", "ensemble", "ensemble_member", "sample"})
_LEAD: Final = frozenset({"prediction_timedelta", "lead_time", "step", "forecast_period"})
_SECONDS: Final = {
    "nanoseconds": 1e-9, "microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1, "minutes": 60,
    "hours": 3600, "days": 86400, "s": 1, "min": 60, "h": 3600, "hour": 3600, "day": 86400,
}  # fmt: skip

_RADIANS: Final = frozenset({"radian", "radians", "rad"})

_LEVELS: Final = {
    "isobaricInhPa": "pressure",
    "pressure_level": "pressure",
    "hybrid": "model",
    "model_level": "model",
    "model_level_number": "model",
    "air_pressure": "pressure",
    "atmosphere_hybrid_sigma_pressure_coordinate": "model",
    "atmosphere_hybrid_height_coordinate": "model",
    "atmosphere_sigma_coordinate": "sigma",
    "height": "height",
    "depth": "depth",
    "depth_below_sea_surface": "depth",
    "air_potential_temperature": "theta",
    "ertel_potential_vorticity": "pv",
}
"""The type of levels by the name or the standard name of their coordinate."""

_UNTOLD: Final = frozenset({"level", "levels", "lev", "plev"})
"""Names that say that there are levels, but not of which type."""

_PRESSURE: Final = {"hectopascals": "hPa", "hectopascal": "hPa"}
_UNITS: Final = {"pressure": "hPa", "height": "m", "depth": "m", "theta": "K"}


@dataclass(frozen=True)
class Axes:
    """The dimensions of a store by what they mean; None where it has none of the kind.

    Parameters
    ----------
    time, lead, member, level
        Their names.
    times
        What stands along the first, ``(times,)`` datetime64[s]; in a forecast when it began.
    leads
        The lead times, ``(leads,)`` timedelta64[s].
    members
        The numbers of the members.
    levels
        The levels, in the units of their type.
    level_type
        In the words of :class:`~anemoi.core.variable.Variable`.
    horizontal
        The dimensions of the points, in the order of :attr:`grid`.
    grid
        The points.
    """

    time: str | None
    times: Times
    lead: str | None
    leads: NDArray[np.timedelta64]
    member: str | None
    members: tuple[int, ...]
    level: str | None
    levels: tuple[float, ...]
    level_type: str | None
    horizontal: tuple[str, ...]
    grid: Grid

    def is_dated(self, array: Any) -> bool:
        """Whether an array has values for each time, so that it is no constant."""
        return bool({self.time, self.lead} & set(array.dims))


def read_axes(dataset: Any, path: str, level_type: str | None) -> Axes:
    """Find out what the dimensions of a store mean.

    Parameters
    ----------
    dataset
        An :class:`xarray.Dataset`, with its dates decoded.
    path
        Where it is from, for errors.
    level_type
        What the user says that its levels are.

    Raises
    ------
    DataError
        If it has no points or dates, or what a coordinate means is not clear: it names the coordinate.
    """
    for name, variable in dataset.variables.items():
        # Dates and levels are read, and of places all points: each coordinate in float64.
        if str(name) in dataset.coords or _standard(variable) in ("latitude", "longitude"):
            check_bytes(
                path, str(name), 8 * max(variable.size, prod(variable.encoding.get("chunks") or (0,)))
            )
    horizontal, grid = _points(dataset, path)
    along = {str(name): dataset.variables[name] for name in dataset.dims if name in dataset.variables}
    time = _only(path, "times", [name for name, values in along.items() if _is_time(name, values, path)])
    lead = _only(path, "lead times", [name for name, values in along.items() if _is_lead(name, values)])
    member = _only(
        path,
        "members",
        [str(n) for n in dataset.dims if n in _MEMBER or _standard(along.get(str(n))) == "realization"],
    )
    others = {time, lead, member, *horizontal}
    level = _only(
        path,
        "levels",
        [name for name, values in along.items() if name not in others and _is_level(name, values)],
    )
    levels: tuple[float, ...] = ()
    kind = None
    if level is not None:
        levels, kind = _levels(level, along[level], path, level_type)
    numbers = along[member].values if member in along else np.arange(dataset.sizes.get(member, 0))
    return Axes(
        time=time,
        times=_dates(along[time], time, path) if time else np.array([], dtype="M8[s]"),
        lead=lead,
        leads=_lead_times(along[lead], lead, path) if lead else np.array([], dtype="m8[s]"),
        member=member,
        members=tuple(int(each) for each in numbers),
        level=level,
        levels=levels,
        level_type=kind,
        horizontal=horizontal,
        grid=grid,
    )


def _only(path: str, what: str, names: list[str]) -> str | None:
    if len(names) > 1:
        raise DataError(
            f"{path} has several dimensions of {what}: {', '.join(names)}.",
            fix="Write a store with one of them: xarray's isel or drop_vars, and to_zarr.",
        )
    return names[0] if names else None


def _standard(variable: Any) -> str | None:
    return None if variable is None else variable.attrs.get("standard_name")


def _points(dataset: Any, path: str) -> tuple[tuple[str, ...], Grid]:
    latitude, longitude = (
        next(_found(dataset, name, units), None)
        for name, units in (("latitude", "degrees_north"), ("longitude", "degrees_east"))
    )
    if latitude is None or longitude is None:
        raise DataError(
            f"{path} has no coordinates of latitude and longitude; it has "
            f"{', '.join(map(str, dataset.variables)) or 'no arrays'}.",
            fix="Give the store of a data set of anemoi-datasets, or one whose fields have latitudes and "
            "longitudes (standard_name, or units degrees_north and degrees_east).",
        )
    if latitude.dims == longitude.dims:
        dimensions = tuple(map(str, latitude.dims))
        values = [_degrees(each).reshape(-1) for each in (latitude, longitude)]
    elif latitude.ndim == longitude.ndim == 1:
        dimensions = (str(latitude.dims[0]), str(longitude.dims[0]))
        check_bytes(path, "its points", 16 * latitude.size * longitude.size)
        mesh = np.meshgrid(_degrees(latitude), _degrees(longitude), indexing="ij")
        values = [each.reshape(-1) for each in mesh]
    else:
        raise DataError(
            f"{path}: its latitudes are along {latitude.dims}, its longitudes along {longitude.dims}.",
            fix="Both should be along one dimension each, or both along the same.",
        )
    shape = tuple(dataset.sizes[name] for name in dimensions)
    try:
        return dimensions, Grid(values[0], values[1], shape if len(shape) == 2 else None)
    except DataError as error:
        raise DataError(f"{path}: its coordinates make no grid: {error.what}", fix=error.fix) from error


def _found(dataset: Any, name: str, units: str) -> Iterator[Any]:
    for variable in dataset.variables.values():
        if _standard(variable) == name or variable.attrs.get("units") == units:
            yield variable
    yield from (dataset.variables[own] for own in (name, name[:3]) if own in dataset.variables)


def _degrees(coordinate: Any) -> NDArray[np.float64]:
    """The values of a coordinate; those of ICON are in radians."""
    values = np.asarray(coordinate.values, dtype=np.float64)
    return np.rad2deg(values) if str(coordinate.attrs.get("units")) in _RADIANS else values


def _is_time(name: str, variable: Any, path: str) -> bool:
    if variable.dtype == object and (calendar := getattr(variable.values.flat[0], "calendar", None)):
        raise DataError(
            f"{path}: {name} has the calendar {calendar}, which is not supported.",
            fix="Write it with the calendar standard: xarray's convert_calendar.",
        )
    return bool(variable.dtype.kind == "M")


def _is_lead(name: str, variable: Any) -> bool:
    return bool(variable.dtype.kind == "m") or name in _LEAD or _standard(variable) == "forecast_period"


def _is_level(name: str, variable: Any) -> bool:
    about = variable.attrs
    named = name in _LEVELS or name in _UNTOLD or about.get("standard_name") in _LEVELS
    return bool(named or "positive" in about or "level_type" in about)


def _dates(variable: Any, name: str, path: str) -> Times:
    times: Times = variable.values.astype("datetime64[s]")
    if np.isnat(times).any():
        raise DataError(f"{path}: a value of {name} is no date.", fix="Make the store again.")
    if len(np.unique(times)) < len(times):
        twice = next(time for time in np.unique(times) if (times == time).sum() > 1)
        raise DataError(f"{path}: {name} has {twice} twice.", fix="Leave one of them out: xarray's isel.")
    return times


def _lead_times(variable: Any, name: str, path: str) -> NDArray[np.timedelta64]:
    if variable.dtype.kind == "m":
        return np.asarray(variable.values.astype("timedelta64[s]"))
    units = str(variable.attrs.get("units", ""))
    if units not in _SECONDS:
        raise DataError(
            f"{path}: {name} has the units {units!r}, which are no time.",
            fix="Give the coordinate units such as hours.",
        )
    return np.asarray(np.rint(variable.values * _SECONDS[units]).astype("int64").astype("timedelta64[s]"))


def _levels(name: str, variable: Any, path: str, said: str | None) -> tuple[tuple[float, ...], str]:
    """The levels in the units of their type, and the type."""
    values = np.asarray(variable.values, dtype=np.float64)
    units = str(variable.attrs.get("units", ""))
    kind = said or _type(name, variable.attrs, units, values)
    if kind is None:
        raise DataError(
            f"{path}: what the levels of {name} are ({', '.join(f'{each:g}' for each in values[:4])}...) is "
            "not said: it has neither units nor a standard_name that tell.",
            fix="Say it: level_type=pressure, or model, height, depth...",
        )
    units = _PRESSURE.get(units, units)
    if kind in _UNITS and units and units != "1":
        how = conversion("", units, _UNITS[kind])
        if how is None:
            raise DataError(
                f"{path}: {name} has levels of {kind} in {units}, which is not {_UNITS[kind]}.",
                fix="Correct the units of the coordinate.",
            )
        values = values * how.factor + how.offset
    return tuple(float(f"{each:.9g}") for each in values), kind


def _type(name: str, about: Mapping[str, Any], units: str, values: NDArray[np.float64]) -> str | None:
    if "level_type" in about:
        return str(about["level_type"])
    if conversion("", _PRESSURE.get(units, units), "hPa") is not None and units:
        return "pressure"
    if about.get("standard_name") in _LEVELS:
        return _LEVELS[about["standard_name"]]
    if name in _LEVELS:
        return _LEVELS[name]
    if units == "m" and "positive" in about:
        return {"up": "height", "down": "depth"}.get(str(about["positive"]))
    # WeatherBench 2 and ARCO-ERA5 say nothing. No model has a level 500, and these are all known ones.
    return "pressure" if name in _UNTOLD and not units and are_pressure_levels(values) else None
