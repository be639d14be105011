"""What is known of one variable: its part in a model, its units, its level, and how its values come about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import numpy as np

from .errors import DataError
from .times import format_duration, parse_duration


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
    accumulated, averaged
        The time up to its validity time that it is accumulated or averaged over; None if instantaneous.
    may_be_missing
        Whether it has NaNs where it is undefined, as sea-surface temperature over land.

    Raises
    ------
    DataError
        If it is both accumulated and averaged, or computed without being a forcing.
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

    def __post_init__(self) -> None:
        if self.accumulated is not None and self.averaged is not None:
            raise DataError(f"{self.name} cannot be both accumulated and averaged.")
        if self.computed and self.role is not Role.FORCING:
            raise DataError(f"{self.name} is computed, so it is a forcing and not {self.role.value}.")

    @property
    def is_input(self) -> bool:
        """Whether a model takes it."""
        return self.role is not Role.DIAGNOSTIC

    @property
    def is_output(self) -> bool:
        """Whether a model forecasts it."""
        return self.role is not Role.FORCING

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
        durations = {
            key: parse_duration(values[key]) for key in ("accumulated", "averaged") if values.get(key)
        }
        return cls(**{**values, "role": Role(values["role"]), **durations})


def level_name(short_name: str, level: float) -> str:
    """The name of a variable at a level: ``t_850``."""
    return f"{short_name}_{level:g}"


def split_level(name: str) -> tuple[str, int | None]:
    """Take ``t_850`` apart into the short name and the level; the name as it is and None for any other."""
    match = re.fullmatch(r"([a-z0-9]+)_(\d{1,4})", name)
    return (name, None) if match is None else (match[1], int(match[2]))
