"""Tells what a data set holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.times import format_date, format_duration
from anemoi.core.variable import STATISTICS, Variable

from .dataset import Dataset
from .store import open_group

_SHOWN = 5
"""How many missing times are named."""


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
            variable: {"units": source.units.get(variable), **_said(source.metadata[variable]), **about}
            for variable, about in by_variable(source.variables, source.statistics).items()
        },
        "changes": by_duration(source.variables, source.changes),
    }


def _said(variable: Variable) -> dict[str, Any]:
    """Give what is known of a variable but its units, as JSON."""
    return {name: value for name, value in variable.to_dict().items() if name not in ("name", "units")}


def by_variable(variables: Sequence[str], statistics: Statistics) -> dict[str, dict[str, float]]:
    """Give the statistics of each variable, as JSON."""
    return {
        variable: {name: float(values[i]) for name, values in vars(statistics).items()}
        for i, variable in enumerate(variables)
    }


def by_duration(
    variables: Sequence[str], changes: Mapping[np.timedelta64, Statistics]
) -> dict[str, dict[str, dict[str, float]]]:
    """Give the statistics of the changes of each variable over some durations, as JSON."""
    return {format_duration(each): by_variable(variables, changes[each]) for each in sorted(changes)}


def tables(
    states: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]], units: Mapping[str, str | None]
) -> Iterator[str]:
    """Write the statistics of states, and of their changes, for people, line by line."""
    yield from _table(states, units)
    for duration, statistics in changes.items():
        yield f"Changes over {duration}:"
        yield from _table(statistics, units)


def _table(statistics: Mapping[str, Any], units: Mapping[str, str | None]) -> Iterator[str]:
    width = max(map(len, statistics))
    names = list(next(iter(statistics.values())))
    yield f"  {'':{width}} {'units':10}" + "".join(f"{name:>16}" for name in names)
    for variable, about in statistics.items():
        numbers = "".join(f"{about[name]:>16.8g}" for name in names)
        yield f"  {variable:{width}} {units.get(variable) or '':10}{numbers}"


def account(found: Mapping[str, Any]) -> Iterator[str]:
    """Write a description for people, line by line."""
    grid, missing = found["grid"], found["missing"]
    shown = missing if len(missing) <= _SHOWN else [*missing[:_SHOWN], "..."]
    yield f"{found['path']}  ({found['identity']})"
    for name in ("description", "licence"):
        if found[name]:
            yield f"{name.capitalize()}: {found[name]}"
    yield (
        f"Dates: {found['start']} to {found['end']} every {found['frequency']}, {found['dates']}, "
        f"{len(missing) or 'none'} missing" + (f" ({', '.join(shown)})" if missing else "")
    )
    shape = "" if grid["field_shape"] is None else f" ({' x '.join(map(str, grid['field_shape']))})"
    (south, north), (west, east) = grid["latitudes"], grid["longitudes"]
    yield f"Grid: {grid['points']:,} points{shape}, {south:g} to {north:g} N, {west:g} to {east:g} E"
    yield f"Members: {found['members']}"
    size = found["bytes"] / 1e6
    yield f"Data: {size:,.1f} MB of {found['dtype']} before compression, in chunks of {found['chunks']}"
    first, last = found["statistics_period"]
    yield f"Statistics: {first or 'unknown'} to {last or 'unknown'}"
    yield "Variables:"
    yield from _parts(found["variables"])
    names = [field.name for field in fields(Statistics)]
    states = {
        variable: {name: about[name] for name in names} for variable, about in found["variables"].items()
    }
    units = {variable: about["units"] for variable, about in found["variables"].items()}
    yield from tables(states, found["changes"], units)


def _parts(variables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Write what each variable is, line by line."""
    width = max(map(len, variables))
    for variable, about in variables.items():
        hints = [
            name.replace("_", " ") for name in ("constant", "computed", "may_be_missing") if name in about
        ]
        hints += [f"{how.removesuffix('_over')} over {about[how]}" for how in STATISTICS if how in about]
        level = [f"{about['level']:g}"] if "level" in about else []
        hints.append(" ".join([about.get("level_type", "level" if level else ""), *level]))
        yield f"  {variable:{width}} {', '.join(filter(None, [about['role'], *hints]))}"
