"""How a quantity is shown to people: its name, the unit that they use, and a palette that suits it."""

from __future__ import annotations

from typing import Any, Final

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

_QUANTITIES: Final = {
    "10u": ("eastward wind at 10 m", "signed"),
    "10v": ("northward wind at 10 m", "signed"),
    "100u": ("eastward wind at 100 m", "signed"),
    "100v": ("northward wind at 100 m", "signed"),
    "10si": ("wind speed at 10 m", "amount"),
    "ws": ("wind speed", "amount"),
    "2d": ("dew point at 2 m", "temperature"),
    "2t": ("temperature at 2 m", "temperature"),
    "ci": ("sea-ice fraction", "amount"),
    "cp": ("convective precipitation", "rain"),
    "msl": ("mean sea level pressure", "plain"),
    "q": ("specific humidity", "rain"),
    "r": ("relative humidity", "rain"),
    "sd": ("snow depth", "rain"),
    "skt": ("skin temperature", "temperature"),
    "sp": ("surface pressure", "plain"),
    "sst": ("sea-surface temperature", "temperature"),
    "t": ("temperature", "temperature"),
    "tcc": ("cloud cover", "amount"),
    "tcw": ("water in the column", "rain"),
    "tcwv": ("water vapour in the column", "rain"),
    "tp": ("precipitation", "rain"),
    "u": ("eastward wind", "signed"),
    "v": ("northward wind", "signed"),
    "vo": ("vorticity", "signed"),
    "w": ("vertical velocity", "signed"),
    "z": ("geopotential", "plain"),
}
"""The name of a parameter, and the palette of its maps."""

_DEPTHS: Final = frozenset({"tp", "cp", "lsp", "sf", "ro"})
"""Depths of water, in millimetres for people."""


def display(parameter: str, units: str | None) -> dict[str, Any]:
    """How a parameter in these units is shown, as JSON.

    ``value * factor + offset`` is in the unit ``shown``; of a difference or a spread the factor alone counts.
    """
    name, palette = _QUANTITIES.get(parameter, (parameter, "plain"))
    unit = udunits(units or "")
    label, factor, offset = _UNITS.get(unit, (units or "", 1.0, 0.0))
    if parameter in _DEPTHS and unit == "m":
        label, factor, offset = "mm", 1000.0, 0.0
    return {
        "label": f"{name[0].upper()}{name[1:]}" if name else parameter,
        "shown": label,
        "factor": factor,
        "offset": offset,
        "palette": palette,
    }
