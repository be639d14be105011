"""Numbers as people read them: hPa rather than Pa, and as many digits as mean something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DisplayUnit:
    """A unit for people: multiply by ``factor`` and write ``label`` behind."""

    label: str
    factor: float = 1.0


_DISPLAYED = {
    "Pa": DisplayUnit("hPa", 0.01),
    "kg kg**-1": DisplayUnit("g/kg", 1000.0),
    "kg kg-1": DisplayUnit("g/kg", 1000.0),
    "kg/kg": DisplayUnit("g/kg", 1000.0),
    "m s**-1": DisplayUnit("m/s"),
    "m s-1": DisplayUnit("m/s"),
    "m**2 s**-2": DisplayUnit("m²/s²"),
    "m2 s-2": DisplayUnit("m²/s²"),
}


def display_unit(unit: str | None) -> DisplayUnit:
    """Find the unit that a quantity in ``unit`` is shown in; one that is not known is shown as it is."""
    return _DISPLAYED.get(unit or "", DisplayUnit(unit or ""))


def decimals(values: Iterable[float]) -> int:
    """Count the decimals that show the smallest of some errors with three digits, from none to six."""
    finite = [abs(value) for value in values if np.isfinite(value) and value != 0]
    return int(np.clip(2 - np.floor(np.log10(min(finite))), 0, 6)) if finite else 2
