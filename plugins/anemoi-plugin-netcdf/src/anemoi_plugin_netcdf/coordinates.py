"""The coordinates of a forecast as the CF conventions have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription
from anemoi.core.times import format_duration
from numpy.typing import NDArray

from .plan import Field

START: Final = np.timedelta64(0, "s")
"""In place of a period, that it begins with the forecast: no period is as short."""

HORIZONTAL = ("latitude", "longitude")

LEVELS: Final = {
    "pressure": {
        "standard_name": "air_pressure", "long_name": "pressure level", "units": "hPa", "positive": "down",
    },
    "model": {
        "standard_name": "model_level_number", "long_name": "model level", "units": "1", "positive": "down",
    },
    "sigma": {"long_name": "pressure by that of the surface", "units": "1", "positive": "down"},
    "height": {
        "standard_name": "height", "long_name": "height above the surface", "units": "m", "positive": "up",
    },
    "depth": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down"},
    "soil": {"long_name": "layer of the soil", "units": "1", "positive": "down"},
    "theta": {
        "standard_name": "air_potential_temperature", "long_name": "potential temperature", "units": "K",
        "positive": "up",
    },
    "pv": {
        "standard_name": "ertel_potential_vorticity", "long_name": "potential vorticity",
        "units": "1e-9 K m2 kg-1 s-1", "positive": "up",
    },
}  # fmt: skip
"""The attributes of coordinates of levels, by their type."""


def coordinate(
    file: Any, name: str, dimensions: Sequence[str], values: NDArray[Any], **attributes: str
) -> None:
    """Write a coordinate, and the dimension of its name if it has one."""
    if tuple(dimensions) == (name,):
        file.dimensions[name] = len(values)
    variable = file.create_variable(name, tuple(dimensions), values.dtype)
    variable[...] = values
    variable.attrs.update(attributes)


def write_times(file: Any, forecast: ForecastDescription, fields: Sequence[Field]) -> dict[str, str]:
    """Write the valid times, the lead times and the time that it starts from; give the times of each field.

    The times of sums, means and extremes have the bounds of their period: if there are several periods, the
    valid times are a dimension once more for each but the first. A period may begin with the forecast.
    """
    start = str(forecast.start.astype("datetime64[s]")).replace("T", " ")
    periods = list(dict.fromkeys(over for field in fields if (over := _period(field)) is not None))
    names = {over: f"time_{_word(over)}" if number else "time" for number, over in enumerate(periods)}
    seconds = forecast.lead_times.astype("timedelta64[s]").astype(np.int64)
    lengths = [
        seconds if over == START else np.full_like(seconds, over // np.timedelta64(1, "s"))
        for over in periods
    ]
    unit, size = ("seconds", 1) if (np.concatenate([seconds, *lengths]) % 3600).any() else ("hours", 3600)
    leads = (seconds // size).astype(np.int32)
    clock = {
        "units": f"{unit} since {start}",
        "calendar": "proleptic_gregorian",
        "units_metadata": "leap_seconds: none",
    }
    about = {"standard_name": "time", "long_name": "valid time", "axis": "T", **clock}
    coordinate(file, "time", ("time",), leads, **about, **({"bounds": "time_bounds"} if periods else {}))
    coordinate(
        file, "forecast_period", ("time",), leads,
        standard_name="forecast_period", long_name="lead time", units=unit,
    )  # fmt: skip
    coordinate(
        file, "forecast_reference_time", (), np.array(0, np.int32),
        standard_name="forecast_reference_time", long_name="time that the forecast starts from", **clock,
    )  # fmt: skip
    if periods:
        file.dimensions["bounds"] = 2
    for length, name in zip(lengths, names.values(), strict=True):
        bounds = name.replace("time", "time_bounds")
        if name != "time":
            coordinate(file, name, (name,), leads, **about, bounds=bounds)
        begin = leads - (length // size).astype(np.int32)
        coordinate(file, bounds, (name, "bounds"), np.stack([begin, leads], axis=-1))
    return {field.name: "time" if (over := _period(field)) is None else names[over] for field in fields}


def _period(field: Field) -> np.timedelta64 | None:
    """The time that a field is the sum, the mean or an extreme of; :data:`START` if from the start."""
    if field.since_start:
        return START
    return None if field.statistic is None else field.statistic[1]


def _word(over: np.timedelta64) -> str:
    return "since_start" if over == START else format_duration(over)


def write_members(file: Any, members: int) -> None:
    """Write the numbers of the ensemble members, from 0."""
    numbers = np.arange(members, dtype=np.int32)
    coordinate(
        file, "realization", ("realization",), numbers,
        standard_name="realization", long_name="ensemble member", units="1",
    )  # fmt: skip


def write_grid(file: Any, grid: Grid) -> tuple[str, ...]:
    """Write where the points lie, and give the dimensions that they have.

    Rows and columns of latitudes and longitudes are two dimensions with coordinates; another field of two
    dimensions is ``y`` and ``x``, and all else ``cell``, with latitudes and longitudes for each point.
    """
    about = (
        {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
        {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
    )
    if grid.axes is not None:
        for name, values, axis, attributes in zip(HORIZONTAL, grid.axes, "YX", about, strict=True):
            coordinate(file, name, (name,), values, axis=axis, **attributes)
        return HORIZONTAL
    shape = grid.field_shape if grid.field_shape is not None and len(grid.field_shape) == 2 else (len(grid),)
    dimensions = ("y", "x") if len(shape) == 2 else ("cell",)
    file.dimensions.update(zip(dimensions, shape, strict=True))
    for name, points, attributes in zip(HORIZONTAL, (grid.latitudes, grid.longitudes), about, strict=True):
        coordinate(file, name, dimensions, points.reshape(shape), **attributes)
    return dimensions


def write_verticals(file: Any, fields: Iterable[Field]) -> dict[str, str]:
    """Write levels and heights, and give the name of that of each field that has one.

    Quantities on the same levels share a dimension; heights that belong to a quantity are no dimension.
    """
    names: dict[tuple[str | None, tuple[float, ...]], str] = {}
    chosen: dict[str, str] = {}
    for field in fields:
        if field.levels:
            key = (field.level_type, field.levels)
            if key not in names:
                count = sum(kind == field.level_type for kind, _ in names)
                names[key] = name = f"{field.level_type}_{count + 1}" if count else f"{field.level_type}"
                levels = np.array(field.levels, np.float64)
                coordinate(file, name, (name,), levels, **_about_levels(str(field.level_type)))
            chosen[field.name] = names[key]
        elif field.quantity is not None and field.quantity.height is not None:
            height = field.quantity.height
            chosen[field.name] = name = f"height_{height:g}m"
            if name not in file.variables:
                coordinate(
                    file, name, (), np.array(height), standard_name="height",
                    long_name="height above the surface", units="m", positive="up", axis="Z",
                )  # fmt: skip
    return chosen


def _about_levels(level_type: str) -> dict[str, str]:
    """What a coordinate of levels says of itself, and the word that Anemoi has for their type."""
    known = LEVELS.get(level_type, {"long_name": f"level ({level_type})"})
    return {**known, "level_type": level_type, "axis": "Z"}
