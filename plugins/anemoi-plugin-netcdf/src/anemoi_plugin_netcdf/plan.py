"""Which variables of a forecast become which variable of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.units import udunits
from anemoi.core.variable import PRESSURE_LEVELS, Placed, Variable, placed

from .quantities import ELSEWHERE, ON_PRESSURE, Quantity, identifier

RESERVED = (
    *("realization", "time", "latitude", "longitude", "forecast_period", "forecast_reference_time"),
    *("time_bounds", "bounds"),
)
"""The names of coordinates, which no variable may have."""


@dataclass(frozen=True)
class Field:
    """One variable of the file.

    Parameters
    ----------
    name
        What it is called there.
    short_name
        What Anemoi calls it, without the level.
    quantity
        What is known of it, where its units confirm that.
    units
        Its units, empty where they are not known.
    columns
        Which variables of the forecast it holds, one for each level.
    variables
        Their names, in this order.
    level_type
        Of what type its levels are; None where it has none, or that is not known.
    levels
        The levels, increasing; empty if it has no dimension of them.
    level
        The one level of what has no dimension of them; None if it has none.
    statistic
        What of some time it is, and that time; None if it is of one time.
    since_start
        Whether it is the sum since the start of the forecast.
    """

    name: str
    short_name: str
    quantity: Quantity | None
    units: str
    columns: tuple[int, ...]
    variables: tuple[str, ...]
    level_type: str | None = None
    levels: tuple[float, ...] = ()
    level: float | None = None
    statistic: tuple[str, np.timedelta64] | None = None
    since_start: bool = False


def fields_of(variables: Iterable[Variable]) -> list[Field]:
    """Gather the levels of each quantity, in the order in which the quantities come first.

    Levels that differ in their type, their units or what of some time they are stay variables of their own,
    as does what is not known to be on a level.
    """
    gathered: dict[tuple[Any, ...], dict[float, tuple[int, Variable]]] = {}
    for column, variable in enumerate(variables):
        at = _place(variable)
        on_levels = at.level is not None and at.short_name != variable.name
        key: tuple[Any, ...] = (
            at.short_name,
            udunits(variable.units or ""),
            at.level_type,
            on_levels,
            variable.statistic,
            variable.since_start,
        )
        if at.level in gathered.get(key, {}):
            key = (*key, variable.name)
        gathered.setdefault(key, {})[0.0 if at.level is None else at.level] = (column, variable)
    taken = set(RESERVED)
    fields = []
    for (short_name, unit, level_type, on_levels, statistic, since_start, *_), by_level in gathered.items():
        known = (ON_PRESSURE if on_levels else ELSEWHERE).get(short_name)
        levels = tuple(sorted(by_level))
        chosen = [by_level[level] for level in levels]
        fields.append(
            Field(
                name=_name(short_name, level_type if on_levels else None, taken),
                short_name=short_name,
                quantity=known if known is not None and known.units == unit else None,
                units=unit,
                columns=tuple(column for column, _ in chosen),
                variables=tuple(variable.name for _, variable in chosen),
                level_type=level_type,
                levels=levels if on_levels else (),
                level=None if on_levels else chosen[0][1].level,
                statistic=statistic,
                since_start=since_start,
            )
        )
    return fields


def _place(variable: Variable) -> Placed:
    """The parameter and the level, as far as they are known: a number alone may be pressure, or anything."""
    at = placed(variable)
    if at.level_type == "surface" or at.level is None:
        return Placed(variable.name, at.level, at.level_type)
    if at.level_type is None:
        is_pressure = at.short_name in ON_PRESSURE and at.level in PRESSURE_LEVELS
        return Placed(at.short_name, at.level, "pressure") if is_pressure else Placed(variable.name)
    return at


def _name(short_name: str, level_type: str | None, taken: set[str]) -> str:
    """A name that no other variable of the file has."""
    name = identifier(short_name)
    if name in taken and level_type is not None:
        name = f"{name}_{level_type}"
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name
