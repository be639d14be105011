"""Quantities, times and names as people read them: hPa rather than Pa, and few digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from anemoi.core.long_names import LONG_NAMES
from anemoi.core.units import udunits
from anemoi.core.variable import split_level


@dataclass(frozen=True)
class DisplayUnit:
    """A unit for people: multiply by ``factor`` and write ``label`` behind."""

    label: str
    factor: float = 1.0


_DISPLAYED = {
    "1": DisplayUnit(""),
    "Pa": DisplayUnit("hPa", 0.01),
    "kg kg-1": DisplayUnit("g/kg", 1000.0),
    "kg/kg": DisplayUnit("g/kg", 1000.0),
    "m s-1": DisplayUnit("m/s"),
    "m2 s-2": DisplayUnit("m²/s²"),
}


def display_unit(unit: str | None) -> DisplayUnit:
    """Find the unit that a quantity in ``unit`` is shown in; one that is not known is shown as it is."""
    return _DISPLAYED.get(udunits(unit or ""), DisplayUnit(unit or ""))


def long_name(variable: str) -> str:
    """Write out the name of a variable with its short one: ``Mean sea level pressure (msl)``.

    Levels follow an underscore, as in ``t_500``; a name that is not known is left as it is.
    """
    name = LONG_NAMES.get(split_level(variable)[0])
    return variable if name is None else f"{name[0].upper()}{name[1:]} ({variable})"


def in_hours(lead_time: np.timedelta64) -> str:
    """Write a lead time for people: ``24 h``."""
    return f"{lead_time / np.timedelta64(1, 'h'):g} h"


def in_words(time: np.datetime64) -> str:
    """Write a time for people: ``22 December 2025 06:00 UTC``."""
    moment = time.astype("datetime64[s]").item()
    return f"{moment.day} {moment:%B %Y %H:%M} UTC"


def decimals(values: Iterable[float]) -> int:
    """Count the decimals that show the smallest of some errors with three digits, from none to six."""
    finite = [abs(value) for value in values if np.isfinite(value) and value != 0]
    return int(np.clip(2 - np.floor(np.log10(min(finite))), 0, 6)) if finite else 2
