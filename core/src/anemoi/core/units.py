"""Units as people write them: ``kg m**-2 s**-1``, ``kg m-2 s-1`` and ``kg/m^2/s`` are one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .variable import placed

GRAVITY: Final = 9.80665
"""Of a geopotential to its height, in m s-2: the standard gravity that ECMWF and WMO use."""

_FACTOR = re.compile(r"([/*.·\s]*)([A-Za-zµ%°_]+|1(?![\d.]))(?:\*\*|\^)?([+-]?\d+)?")
_ALIASES = {
    "kelvin": "K", "degK": "K", "Kelvin": "K", "degc": "degC", "celsius": "degC", "Celsius": "degC",
    "°C": "degC", "degree_Celsius": "degC", "degrees_Celsius": "degC", "deg_C": "degC",
    "pascal": "Pa", "pascals": "Pa", "metre": "m", "meter": "m", "metres": "m", "meters": "m",
    "seconds": "s", "sec": "s", "second": "s",
}  # fmt: skip
_DEGREES = frozenset({"degree", "degrees", "deg", "°", "degree true", "degrees true", "Degree true"})
_FRACTIONS = frozenset({"(0 - 1)", "(0-1)", "0-1", "dimensionless", "~"})
_NO_UNIT = _FRACTIONS | {"", "1", "-", "Numeric", "Proportion"}

_PASCAL: Final = {"kg": 1, "m": -1, "s": -2}
_JOULE: Final = {"kg": 1, "m": 2, "s": -2}
_WATT: Final = {"kg": 1, "m": 2, "s": -3}
_SPEED: Final = {"m": 1, "s": -1}


@dataclass(frozen=True)
class Unit:
    """A unit in SI.

    Parameters
    ----------
    size
        How much of SI units it is.
    kind
        The powers of these: ``{"m": 1, "s": -1}``.
    offset
        Where its zero is in them.
    """

    size: float
    kind: Mapping[str, float]
    offset: float = 0.0


UNITS: Final[Mapping[str, Unit]] = {
    "m": Unit(1.0, {"m": 1}), "km": Unit(1000.0, {"m": 1}), "dm": Unit(0.1, {"m": 1}),
    "cm": Unit(0.01, {"m": 1}), "mm": Unit(0.001, {"m": 1}), "dam": Unit(10.0, {"m": 1}),
    "gpm": Unit(1.0, {"m": 1}), "gpdam": Unit(10.0, {"m": 1}),
    "kg": Unit(1.0, {"kg": 1}), "g": Unit(0.001, {"kg": 1}), "mg": Unit(1e-6, {"kg": 1}),
    "µg": Unit(1e-9, {"kg": 1}), "ug": Unit(1e-9, {"kg": 1}),
    "s": Unit(1.0, {"s": 1}), "min": Unit(60.0, {"s": 1}), "h": Unit(3600.0, {"s": 1}),
    "hr": Unit(3600.0, {"s": 1}), "hour": Unit(3600.0, {"s": 1}), "hours": Unit(3600.0, {"s": 1}),
    "d": Unit(86400.0, {"s": 1}), "day": Unit(86400.0, {"s": 1}), "days": Unit(86400.0, {"s": 1}),
    "K": Unit(1.0, {"K": 1}), "degC": Unit(1.0, {"K": 1}, 273.15),
    "Pa": Unit(1.0, _PASCAL), "hPa": Unit(100.0, _PASCAL), "kPa": Unit(1000.0, _PASCAL),
    "mbar": Unit(100.0, _PASCAL), "mb": Unit(100.0, _PASCAL), "millibar": Unit(100.0, _PASCAL),
    "millibars": Unit(100.0, _PASCAL), "bar": Unit(100000.0, _PASCAL),
    "N": Unit(1.0, {"kg": 1, "m": 1, "s": -2}),
    "J": Unit(1.0, _JOULE), "kJ": Unit(1e3, _JOULE), "MJ": Unit(1e6, _JOULE), "Wh": Unit(3600.0, _JOULE),
    "W": Unit(1.0, _WATT), "kW": Unit(1e3, _WATT),
    "knot": Unit(1852.0 / 3600.0, _SPEED), "knots": Unit(1852.0 / 3600.0, _SPEED),
    "kt": Unit(1852.0 / 3600.0, _SPEED), "kts": Unit(1852.0 / 3600.0, _SPEED),
    "mol": Unit(1.0, {"mol": 1}), "DU": Unit(1e-5 * 101325.0 / (8.314462618 * 273.15), {"mol": 1, "m": -2}),
    "%": Unit(0.01, {}), "degree": Unit(1.0, {"degree": 1}),
}  # fmt: skip
"""The units of the field. What knows more of them gives it to :func:`conversion`."""

_WATER: Final = frozenset(
    {"tp", "cp", "lsp", "sf", "csf", "lsf", "sd", "ro", "sro", "ssro", "e", "es", "pev", "smlt", "rsn_we"}
    | {"tprate", "cprat", "lsprate", "tpr", "pr", "prc", "prsn"}
)
"""Parameters that are water: a depth of 1 m is 1000 kg m-2."""

_GEOPOTENTIAL: Final = frozenset({"z", "gh", "orog"})
"""Parameters that are a geopotential in one unit and its height in another."""

_OZONE: Final = frozenset({"tco3", "gtco3"})
"""Parameters that are ozone, of which a mass is an amount."""

_MOLE_OF_OZONE: Final = 0.0479982
"""In kg: three times the standard atomic weight of oxygen (15.9994 g mol-1)."""


@dataclass(frozen=True)
class Conversion:
    """Values in one unit, times ``factor``, plus ``offset``, are those in another."""

    factor: float
    offset: float = 0.0


def same_unit(one: str, other: str) -> bool:
    """Whether two texts name one unit, however its powers are written; nothing is converted."""
    return _powers(one) == _powers(other)


def conversion(
    variable: str, ours: str, theirs: str, *, more: Callable[[str], Unit | None] = lambda name: None
) -> Conversion | None:
    """Find how values of a variable are converted from ``ours`` to ``theirs``; None if they cannot be.

    Units of one kind are, as hPa and Pa, degC and K, % and fractions. Water is known by its name, of which
    1 m is 1000 kg m-2, and so are geopotential, which is its height in m times the standard gravity, and
    total ozone in Dobson units. A name that is none of ``UNITS`` is looked up in ``more``.
    """
    if same_unit(ours, theirs):
        return Conversion(1.0)
    one, other = in_si(ours, more=more), in_si(theirs, more=more)
    if one is None or other is None:
        return None
    powers = {base: one.kind.get(base, 0) - other.kind.get(base, 0) for base in {*one.kind, *other.kind}}
    differ = {base: power for base, power in powers.items() if power}
    name = placed(variable).short_name
    factor = None
    if not differ:
        factor = 1.0
    elif name in _WATER and differ in ({"m": 3, "kg": -1}, {"m": -3, "kg": 1}):
        factor = 1000.0 if differ["m"] == 3 else 0.001
    elif name in _GEOPOTENTIAL and differ in ({"m": -1, "s": 2}, {"m": 1, "s": -2}):
        factor = GRAVITY if differ["m"] == -1 else 1.0 / GRAVITY
    elif name in _OZONE and differ in ({"kg": 1, "mol": -1}, {"kg": -1, "mol": 1}):
        factor = 1.0 / _MOLE_OF_OZONE if differ["kg"] == 1 else _MOLE_OF_OZONE
    if factor is None:
        return None
    # The larger by the smaller: 100 is a number that floating point has, and 0.01 is not.
    size = one.size / other.size if one.size >= other.size else 1.0 / (other.size / one.size)
    return Conversion(size * factor, (one.offset - other.offset) / other.size)


def in_si(text: str, *, more: Callable[[str], Unit | None] = lambda name: None) -> Unit | None:
    """A text as one unit; None if it is no product of powers of units that are known, here or in ``more``."""
    powers = _powers(text)
    if not isinstance(powers, dict):
        return None
    size, kind = 1.0, dict[str, float]()
    for name, power in powers.items():
        unit = UNITS.get(name) or more(name)
        if unit is None:
            return None
        if unit.offset:  # a zero of its own, which no product with others has
            return unit if powers == {name: 1} else None
        size *= unit.size**power
        for base, times in unit.kind.items():
            kind[base] = kind.get(base, 0) + times * power
    return Unit(size, kind)


def udunits(text: str) -> str:
    """Spell units as UDUNITS and so the CF conventions do: ``m**2 s**-2`` is ``m2 s-2``, a fraction ``1``."""
    text = text.strip()
    if text in _DEGREES:
        return "degree"
    return "1" if text in _FRACTIONS else text.replace("**", "").replace("^", "")


def _powers(text: str) -> object:
    """The power of each factor, or the text itself where it is no product of powers."""
    text = text.strip()
    if text in _NO_UNIT:
        return {}
    if text in _DEGREES:
        return {"degree": 1}
    powers: Counter[str] = Counter()
    position = 0
    while position < len(text):
        match = _FACTOR.match(text, position)
        if match is None:
            return text
        between, name, power = match.groups()
        sign = -1 if "/" in between else 1
        powers[_ALIASES.get(name, name)] += sign * int(power or 1)
        position = match.end()
    powers.pop("1", None)
    return {name: power for name, power in powers.items() if power}
