"""Units that are not in core's own table: those that pint knows."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from anemoi.core.units import Unit

_BASES: Final = {"meter": "m", "kilogram": "kg", "second": "s", "kelvin": "K", "mole": "mol"}
"""What core calls the base units of pint; it counts angles in degrees, and pint in radians."""


@cache
def pint_unit(name: str) -> Unit | None:
    """Look up one unit: ``degF``, ``inHg``, ``mile``, ``ppm``.

    None if pint does not know it, or its scale is not linear, as of decibels.
    """
    try:
        unit = _registry().parse_units(name)
    except (AssertionError, AttributeError, TypeError, ValueError):  # of the many ways to be no unit
        return None
    zero, one, two = (_registry().Quantity(each, unit).to_base_units() for each in (0.0, 1.0, 2.0))
    offset, size = float(zero.magnitude), float((one - zero).magnitude)
    if not math.isclose((two - one).magnitude, size, rel_tol=1e-9):
        return None
    kind = dict[str, float]()
    for base, power in one.unit_items():
        if base == "radian":
            base, size = "degree", size * math.degrees(1.0) ** power
        kind[_BASES.get(base, base)] = power
    return Unit(size, kind, offset)


@cache
def _registry() -> Any:
    """Pint's own units, imported where core's do not do: they take half a second."""
    import pint

    return pint.UnitRegistry()
