"""What is known of one variable: its part in a model, its units, its level, and how its values come about."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Final

import numpy as np

from .errors import DataError
from .times import format_duration, parse_duration

CELL_METHODS: Final = {
    "accumulated": "sum",
    "averaged": "mean",
    "maximum_over": "maximum",
    "minimum_over": "minimum",
}
"""The cell method of the CF conventions (appendix E) for each of :data:`STATISTICS`."""

STATISTICS: Final = tuple(CELL_METHODS)
"""What a variable may be of the time before it is valid: fields of :class:`Variable`."""

LEVEL_TYPES: Final = ("pressure", "model", "surface", "height", "depth", "soil", "theta", "pv", "sigma")
"""The words for types of levels; ``pressure`` in hPa, ``height`` and ``depth`` in m, ``theta`` in K."""

PRESSURE_LEVELS: Final = frozenset(
    {1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450, 500, 550, 600}
    | {650, 700, 750, 775, 800, 825, 850, 875, 900, 925, 950, 975, 1000}
    | {0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7}
)
"""The levels that ECMWF has on pressure, in hPa: those that a number alone may be taken for."""

_HIGHEST_MODEL_LEVEL: Final = 137
"""Of ECMWF; some models have a few more, but none of the numbers of pressure levels above."""

_LEVEL: Final = re.compile(
    rf"(?P<name>\w+?)(_(?P<type>{'|'.join(LEVEL_TYPES)}|[a-z]+[A-Z][A-Za-z]*))?_(?P<level>\d+(\.\d+)?)"
)


class Role(str, Enum):
    """The part that a variable plays in a model."""

    PROGNOSTIC = "prognostic"
    """In and out: each state is forecast from the ones before."""

    FORCING = "forcing"
    """In only: known from the time and the place, constant, or read from a source at every step."""

    DIAGNOSTIC = "diagnostic"
    """Out only: forecast, but not asked of the initial state (precipitation, say)."""


@dataclass(frozen=True)
class Variable:
    """One variable of a domain.

    Parameters
    ----------
    name
        What the data call it.
    role
        Its part in a model.
    units
        The units of its values; None if they are not known.
    level, level_type
        Where it lies in the vertical, ``850`` and ``pressure``; None where there is none or it is not known.
    constant
        Whether it is the same at all times, as orography is.
    computed
        Whether the forcing component of that name computes it from time and place.
    accumulated, averaged, maximum_over, minimum_over
        The time up to its validity time that it is the sum, the mean, the largest or the smallest of; None if
        it is not, so at most one is given.
    may_be_missing
        Whether it has NaNs where it is undefined, as sea-surface temperature over land.
    since_start
        Whether it is the sum since the start of a forecast, over a time that grows from state to state.

    Raises
    ------
    DataError
        If it is of two of these, or computed without being a forcing.
    """

    name: str
    role: Role = Role.PROGNOSTIC
    units: str | None = None
    level: float | None = None
    level_type: str | None = None
    constant: bool = False
    computed: bool = False
    accumulated: np.timedelta64 | None = None
    averaged: np.timedelta64 | None = None
    may_be_missing: bool = False
    maximum_over: np.timedelta64 | None = None
    minimum_over: np.timedelta64 | None = None
    since_start: bool = False

    def __post_init__(self) -> None:
        given = [name for name in STATISTICS if getattr(self, name) is not None]
        if self.since_start:
            given.append("since_start")
        if len(given) > 1:
            raise DataError(f"{self.name} cannot be both {' and '.join(given)}.")
        if self.computed and self.role is not Role.FORCING:
            raise DataError(f"{self.name} is computed, so it is a forcing and not {self.role.value}.")

    @property
    def is_input(self) -> bool:
        """Whether a model takes it."""
        return self.role is not Role.DIAGNOSTIC

    @property
    def statistic(self) -> tuple[str, np.timedelta64] | None:
        """What of some time it is, one of :data:`STATISTICS`, and that time; None if instantaneous.

        None of one ``since_start`` too, whose time is the lead time.
        """
        return next(((name, over) for name in STATISTICS if (over := getattr(self, name)) is not None), None)

    @property
    def is_output(self) -> bool:
        """Whether a model forecasts it."""
        return self.role is not Role.FORCING

    def instantaneous(self) -> Variable:
        """The same variable at a time, over no period."""
        return replace(
            self, accumulated=None, averaged=None, maximum_over=None, minimum_over=None, since_start=False
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON, without what has its default."""
        found: dict[str, Any] = {"name": self.name, "role": self.role.value}
        for field in fields(self)[2:]:
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = format_duration(value) if isinstance(value, np.timedelta64) else value
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Variable:
        """Read what :meth:`to_dict` gave."""
        durations = {key: parse_duration(values[key]) for key in STATISTICS if values.get(key)}
        return cls(**{**values, "role": Role(values["role"]), **durations})


def level_name(short_name: str, level: float, level_type: str | None = None) -> str:
    """The name of a variable at a level: ``t_850`` on pressure levels, ``t_model_137`` on any other."""
    between = "" if level_type in (None, "pressure") else f"{level_type}_"
    return f"{short_name}_{between}{level:g}"


def split_level(name: str) -> tuple[str, int | None]:
    """Take ``t_850`` apart into the short name and the level; the name as it is and None for any other."""
    match = re.fullmatch(r"([a-z0-9]+)_(\d{1,4})", name)
    return (name, None) if match is None else (match[1], int(match[2]))


@dataclass(frozen=True)
class Placed:
    """Which parameter a variable is, and where it lies, however it is called.

    Parameters
    ----------
    short_name
        The name without the level.
    level, level_type
        As of a :class:`Variable`.
    """

    short_name: str
    level: float | None = None
    level_type: str | None = None


def are_pressure_levels(levels: Collection[float]) -> bool:
    """Whether levels of an unknown type are on pressure, in hPa: all are known, and one is no model's."""
    return set(levels) <= PRESSURE_LEVELS and max(levels, default=0) > _HIGHEST_MODEL_LEVEL


def placed(variable: Variable | str) -> Placed:
    """Find the parameter and the level of a variable; of a name alone, as far as that tells them.

    The type of a level in a name is a word of :data:`LEVEL_TYPES`, or one of ecCodes such as
    ``heightAboveSea``. Of ``t_850`` alone it is not known, however likely it is pressure.
    """
    if isinstance(variable, str):
        variable = Variable(variable)
    match = _LEVEL.fullmatch(variable.name)
    if match is None:
        short_name = variable.name.removesuffix(f"_{variable.level_type}")
        return Placed(short_name, variable.level, variable.level_type)
    if variable.level_type is not None and variable.level is None:  # z_1 of the surface has no level.
        return Placed(variable.name, None, variable.level_type)
    level = float(match["level"]) if variable.level is None else variable.level
    return Placed(match["name"], level, variable.level_type or match["type"])
