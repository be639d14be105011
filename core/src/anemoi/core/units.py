"""Units as people write them: ``kg m**-2 s**-1``, ``kg m-2 s-1`` and ``kg/m^2/s`` are one."""

from __future__ import annotations

import re
from collections import Counter

_FACTOR = re.compile(r"([/*.·\s]*)([A-Za-z%°]+|1(?![\d.]))(?:\*\*|\^)?([+-]?\d+)?")
_ALIASES = {"kelvin": "K", "degK": "K", "degc": "degC", "celsius": "degC", "°C": "degC", "pascal": "Pa"}
_FRACTIONS = frozenset({"(0 - 1)", "(0-1)", "0-1", "dimensionless", "~"})
_NO_UNIT = _FRACTIONS | {"", "1", "-", "Numeric", "Proportion"}


def same_unit(one: str, other: str) -> bool:
    """Whether two texts name one unit, however its powers are written; nothing is converted."""
    return _powers(one) == _powers(other)


def udunits(text: str) -> str:
    """Spell units as UDUNITS and so the CF conventions do: ``m**2 s**-2`` is ``m2 s-2``, a fraction ``1``."""
    text = text.strip()
    return "1" if text in _FRACTIONS else text.replace("**", "").replace("^", "")


def _powers(text: str) -> object:
    """The power of each factor, or the text itself where it is no product of powers."""
    text = text.strip()
    if text in _NO_UNIT:
        return {}
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
