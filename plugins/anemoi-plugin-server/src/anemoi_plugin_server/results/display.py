"""How a quantity is shown to people: its name, the unit that they use, and a palette that suits it."""

from __future__ import annotations

from typing import Any, Final

from anemoi.core.long_names import LONG_NAMES
from anemoi.core.units import udunits

_UNITS: Final = {
    "K": ("°C", 1.0, -273.15),
    "Pa": ("hPa", 0.01, 0.0),
    "kg kg-1": ("g/kg", 1000.0, 0.0),
    "m s-1": ("m/s", 1.0, 0.0),
    "m2 s-2": ("m²/s²", 1.0, 0.0),
    "1": ("", 1.0, 0.0),
}
"""For a unit the one that is shown, and how values get there: ``value * factor + offset``."""

_PALETTES: Final = {
    "10u": "signed",
    "10v": "signed",
    "100u": "signed",
    "100v": "signed",
    "10si": "amount",
    "ws": "amount",
    "2d": "temperature",
    "2t": "temperature",
    "ci": "amount",
    "cp": "rain",
    "q": "rain",
    "r": "rain",
    "sd": "rain",
    "skt": "temperature",
    "sst": "temperature",
    "t": "temperature",
    "tcc": "amount",
    "tcw": "rain",
    "tcwv": "rain",
    "tp": "rain",
    "u": "signed",
    "v": "signed",
    "vo": "signed",
    "w": "signed",
}
"""The palettes of maps that are not plain, by parameter."""

_DEPTHS: Final = frozenset({"tp", "cp", "lsp", "sf", "ro"})
"""Depths of water, in millimetres for people."""


def display(parameter: str, units: str | None) -> dict[str, Any]:
    """How a parameter in these units is shown, as JSON.

    ``value * factor + offset`` is in the unit ``shown``; of a difference or a spread the factor alone counts.
    """
    name = LONG_NAMES.get(parameter, parameter)
    unit = udunits(units or "")
    label, factor, offset = _UNITS.get(unit, (units or "", 1.0, 0.0))
    if parameter in _DEPTHS and unit == "m":
        label, factor, offset = "mm", 1000.0, 0.0
    return {
        "label": f"{name[0].upper()}{name[1:]}" if name else parameter,
        "shown": label,
        "factor": factor,
        "offset": offset,
        "palette": _PALETTES.get(parameter, "plain"),
    }
