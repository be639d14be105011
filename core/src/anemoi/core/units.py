"""Units as people write them: ``kg m**-2 s**-1``, ``kg m-2 s-1`` and ``kg/m^2/s`` are one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
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
_BASE: Final[Mapping[str, tuple[float, Mapping[str, int]]]] = {
    "m": (1.0, {"m": 1}), "km": (1000.0, {"m": 1}), "dm": (0.1, {"m": 1}), "cm": (0.01, {"m": 1}),
    "mm": (0.001, {"m": 1}), "dam": (10.0, {"m": 1}), "gpm": (1.0, {"m": 1}), "gpdam": (10.0, {"m": 1}),
    "kg": (1.0, {"kg": 1}), "g": (0.001, {"kg": 1}), "mg": (1e-6, {"kg": 1}), "µg": (1e-9, {"kg": 1}),
    "ug": (1e-9, {"kg": 1}),
    "s": (1.0, {"s": 1}), "min": (60.0, {"s": 1}), "h": (3600.0, {"s": 1}), "hr": (3600.0, {"s": 1}),
    "hour": (3600.0, {"s": 1}), "hours": (3600.0, {"s": 1}), "d": (86400.0, {"s": 1}),
    "day": (86400.0, {"s": 1}), "days": (86400.0, {"s": 1}),
    "K": (1.0, {"K": 1}),
    "Pa": (1.0, _PASCAL), "hPa": (100.0, _PASCAL), "kPa": (1000.0, _PASCAL), "mbar": (100.0, _PASCAL),
    "mb": (100.0, _PASCAL), "millibar": (100.0, _PASCAL), "millibars": (100.0, _PASCAL),
    "bar": (100000.0, _PASCAL),
    "N": (1.0, {"kg": 1, "m": 1, "s": -2}),
    "J": (1.0, _JOULE), "kJ": (1e3, _JOULE), "MJ": (1e6, _JOULE), "Wh": (3600.0, _JOULE),
    "W": (1.0, {"kg": 1, "m": 2, "s": -3}), "kW": (1e3, {"kg": 1, "m": 2, "s": -3}),
    "knot": (1852.0 / 3600.0, {"m": 1, "s": -1}), "knots": (1852.0 / 3600.0, {"m": 1, "s": -1}),
    "kt": (1852.0 / 3600.0, {"m": 1, "s": -1}), "kts": (1852.0 / 3600.0, {"m": 1, "s": -1}),
    "%": (0.01, {}), "degree": (1.0, {"degree": 1}),
}  # fmt: skip
"""How much of SI each unit is, and of what."""

_WATER: Final = frozenset(
    {"tp", "cp", "lsp", "sf", "csf", "lsf", "sd", "ro", "sro", "ssro", "e", "es", "pev", "smlt", "rsn_we"}
    | {"tprate", "cprat", "lsprate", "tpr", "pr", "prc", "prsn"}
)
"""Parameters that are water: a depth of 1 m is 1000 kg m-2."""

_GEOPOTENTIAL: Final = frozenset({"z", "gh", "orog"})
"""Parameters that are a geopotential in one unit and its height in another."""


@dataclass(frozen=True)
class Conversion:
    """Values in one unit, times ``factor``, plus ``offset``, are those in another."""

    factor: float
    offset: float = 0.0


def same_unit(one: str, other: str) -> bool:
    """Whether two texts name one unit, however its powers are written; nothing is converted."""
    return _powers(one) == _powers(other)


def conversion(variable: str, ours: str, theirs: str) -> Conversion | None:
    """Find how values of a variable are converted from ``ours`` to ``theirs``; None if they cannot be.

    Units of one kind are, as hPa and Pa, degC and K, % and fractions. Water is known by its name, of which
    1 m is 1000 kg m-2, and so is geopotential, which is its height in m times the standard gravity.
    """
    if same_unit(ours, theirs):
        return Conversion(1.0)
    one, other = (_in_base(text) for text in (ours, theirs))
    if one is None or other is None:
        return None
    kind = Counter(one.kind)
    kind.subtract(other.kind)
    differ = {name: power for name, power in kind.items() if power}
    name = placed(variable).short_name
    more = None
    if not differ:
        more = 1.0
    elif name in _WATER and differ in ({"m": 3, "kg": -1}, {"m": -3, "kg": 1}):
        more = 1000.0 if differ["m"] == 3 else 0.001
    elif name in _GEOPOTENTIAL and differ in ({"m": -1, "s": 2}, {"m": 1, "s": -2}):
        more = GRAVITY if differ["m"] == -1 else 1.0 / GRAVITY
    if more is None:
        return None
    # The larger by the smaller: 100 is a number that floating point has, and 0.01 is not.
    size = one.size / other.size if one.size >= other.size else 1.0 / (other.size / one.size)
    return Conversion(size * more, (one.offset - other.offset) / other.size)


def udunits(text: str) -> str:
    """Spell units as UDUNITS and so the CF conventions do: ``m**2 s**-2`` is ``m2 s-2``, a fraction ``1``."""
    text = text.strip()
    if text in _DEGREES:
        return "degree"
    return "1" if text in _FRACTIONS else text.replace("**", "").replace("^", "")


@dataclass(frozen=True)
class _InBase:
    """A unit as so much of SI units, where its zero is there, and the powers of these."""

    size: float
    offset: float
    kind: Mapping[str, int]


def _in_base(text: str) -> _InBase | None:
    """A unit in SI units; None if there is no such unit here."""
    powers = _powers(text)
    if not isinstance(powers, dict):
        return None
    if powers == {"degC": 1}:
        return _InBase(1.0, 273.15, {"K": 1})
    size, kind = 1.0, Counter[str]()
    for name, power in powers.items():
        if name not in _BASE:
            return None
        of_one, of = _BASE[name]
        size *= of_one**power
        for base, times in of.items():
            kind[base] += times * power
    return _InBase(size, 0.0, kind)


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
