"""Which variables of a forecast become which variable of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anemoi.core.units import udunits

from .quantities import ELSEWHERE, ON_PRESSURE, Quantity, identifier, level_of

RESERVED = ("realization", "time", "latitude", "longitude", "forecast_period", "forecast_reference_time")
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
    levels
        The pressures in hPa, increasing; empty if it is no quantity on pressure levels.
    """

    name: str
    short_name: str
    quantity: Quantity | None
    units: str
    columns: tuple[int, ...]
    levels: tuple[int, ...] = ()


def fields_of(variables: Iterable[str], units: Mapping[str, str]) -> list[Field]:
    """Gather the levels of each quantity, in the order in which the quantities come first.

    Levels that differ in their units stay variables of their own, as does what is no known quantity.
    """
    columns: dict[tuple[str, str, bool], dict[int, int]] = {}  # for each variable, the column of each level
    for column, variable in enumerate(variables):
        short_name, level = level_of(variable) or (variable, 0)
        key = (short_name, udunits(units.get(variable, "")), level > 0)
        columns.setdefault(key, {})[level] = column
    taken = set(RESERVED)
    fields = []
    for (short_name, unit, on_pressure), by_level in columns.items():
        known = (ON_PRESSURE if on_pressure else ELSEWHERE).get(short_name)
        name = identifier(short_name)
        while name in taken:
            name = f"{name}_"
        taken.add(name)
        levels = tuple(sorted(by_level))
        fields.append(
            Field(
                name=name,
                short_name=short_name,
                quantity=known if known is not None and known.units == unit else None,
                units=unit,
                columns=tuple(by_level[level] for level in levels),
                levels=levels if on_pressure else (),
            )
        )
    return fields
