"""Tells what a data set holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from anemoi.core.times import format_date, format_duration

from .dataset import Dataset
from .store import open_group


def document(path: str) -> dict[str, Any]:
    """Describe the data set at ``path``, as JSON.

    Raises
    ------
    DataError
        If it is not there, or not a whole data set.
    """
    source = Dataset(path)
    group = open_group(path)
    data, attributes, grid = group["data"], dict(group.attrs), source.grid
    statistics = vars(source.statistics)
    return {
        "path": path,
        "identity": source.provenance["identity"],
        "description": attributes.get("description"),
        "licence": attributes.get("licence"),
        "start": format_date(source.times[0]),
        "end": format_date(source.times[-1]),
        "frequency": format_duration(source.frequency),
        "dates": len(source.times),
        "missing": [format_date(time) for time in sorted(source.missing)],
        "members": source.members,
        "grid": {
            "points": len(grid),
            "field_shape": grid.field_shape,
            "latitudes": [float(grid.latitudes.min()), float(grid.latitudes.max())],
            "longitudes": [float(grid.longitudes.min()), float(grid.longitudes.max())],
        },
        "chunks": list(data.chunks),
        "dtype": str(data.dtype),
        "bytes": prod(data.shape) * data.dtype.itemsize,
        "statistics_period": [attributes.get(f"statistics_{end}_date") for end in ("start", "end")],
        "variables": {
            variable: {
                "units": source.units.get(variable),
                **{name: float(values[i]) for name, values in statistics.items()},
            }
            for i, variable in enumerate(source.variables)
        },
    }


def account(found: Mapping[str, Any]) -> Iterator[str]:
    """Write a description for people, line by line."""
    grid, missing = found["grid"], found["missing"]
    yield f"{found['path']}  ({found['identity']})"
    for name in ("description", "licence"):
        if found[name]:
            yield f"{name.capitalize()}: {found[name]}"
    yield (
        f"Dates: {found['start']} to {found['end']} every {found['frequency']}, {found['dates']}, "
        f"{len(missing) or 'none'} missing" + (f" ({', '.join(missing[:5])}, ...)" if missing else "")
    )
    shape = "" if grid["field_shape"] is None else f" ({' x '.join(map(str, grid['field_shape']))})"
    (south, north), (west, east) = grid["latitudes"], grid["longitudes"]
    yield f"Grid: {grid['points']:,} points{shape}, {south:g} to {north:g} N, {west:g} to {east:g} E"
    yield f"Members: {found['members']}"
    size = found["bytes"] / 1e6
    yield f"Data: {size:,.1f} MB of {found['dtype']} before compression, in chunks of {found['chunks']}"
    first, last = found["statistics_period"]
    yield f"Statistics: {first or 'unknown'} to {last or 'unknown'}"
    width = max(map(len, found["variables"]))
    yield f"  {'':{width}} {'units':10}" + "".join(
        f"{name:>14}" for name in ("mean", "stdev", "minimum", "maximum")
    )
    for variable, about in found["variables"].items():
        numbers = "".join(f"{about[name]:>14.6g}" for name in ("mean", "stdev", "minimum", "maximum"))
        yield f"  {variable:{width}} {about['units'] or '':10}{numbers}"
