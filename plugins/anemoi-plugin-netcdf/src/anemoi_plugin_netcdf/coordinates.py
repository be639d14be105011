"""The coordinates of a forecast as the CF conventions have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription
from numpy.typing import NDArray

from .plan import Field

HORIZONTAL = ("latitude", "longitude")


def coordinate(
    file: Any, name: str, dimensions: Sequence[str], values: NDArray[Any], **attributes: str
) -> None:
    """Write a coordinate, and the dimension of its name if it has one."""
    if tuple(dimensions) == (name,):
        file.dimensions[name] = len(values)
    variable = file.create_variable(name, tuple(dimensions), values.dtype)
    variable[...] = values
    variable.attrs.update(attributes)


def write_times(file: Any, forecast: ForecastDescription) -> None:
    """Write the valid times, which are the dimension, the lead times and the time that it starts from."""
    start = str(forecast.start.astype("datetime64[s]")).replace("T", " ")
    seconds = forecast.lead_times.astype("timedelta64[s]").astype(np.int64)
    in_hours = not (seconds % 3600).any()
    unit, count = ("hours", seconds // 3600) if in_hours else ("seconds", seconds)
    leads = count.astype(np.int32)
    clock = {
        "units": f"{unit} since {start}",
        "calendar": "proleptic_gregorian",
        "units_metadata": "leap_seconds: none",
    }
    coordinate(
        file, "time", ("time",), leads, standard_name="time", long_name="valid time", axis="T", **clock
    )
    coordinate(
        file, "forecast_period", ("time",), leads,
        standard_name="forecast_period", long_name="lead time", units=unit,
    )  # fmt: skip
    coordinate(
        file, "forecast_reference_time", (), np.array(0, np.int32),
        standard_name="forecast_reference_time", long_name="time that the forecast starts from", **clock,
    )  # fmt: skip


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
    """Write pressures and heights, and give the name of that of each field that has one.

    Quantities on the same levels share a dimension; heights are no dimension.
    """
    names: dict[tuple[float, ...], str] = {}
    chosen: dict[str, str] = {}
    for field in fields:
        if field.levels:
            if field.levels not in names:
                count = sum(name.startswith("pressure") for name in names.values())
                names[field.levels] = name = f"pressure_{count + 1}" if count else "pressure"
                coordinate(
                    file, name, (name,), np.array(field.levels, np.float64), standard_name="air_pressure",
                    long_name="pressure level", units="hPa", positive="down", axis="Z",
                )  # fmt: skip
            chosen[field.name] = names[field.levels]
        elif field.quantity is not None and field.quantity.height is not None:
            height = field.quantity.height
            chosen[field.name] = name = f"height_{height:g}m"
            if name not in file.variables:
                coordinate(
                    file, name, (), np.array(height), standard_name="height",
                    long_name="height above the surface", units="m", positive="up", axis="Z",
                )  # fmt: skip
    return chosen
