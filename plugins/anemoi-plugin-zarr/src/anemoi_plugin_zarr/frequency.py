"""Frequencies as anemoi-datasets writes them: ``6h``, ``1d``, ``30m``, ``10s``."""

from __future__ import annotations

import re

import numpy as np

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_frequency(frequency: object) -> np.timedelta64:
    """Read a frequency; a number alone is in hours, as older data sets have it.

    Raises
    ------
    ValueError
        If ``frequency`` is anything else, or not positive.
    """
    match = re.fullmatch(r"(\d{1,9})([dhms]?)", str(frequency).strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{frequency!r} is no frequency such as '6h', '1d', '30m' or '10s'")
    return np.timedelta64(int(match[1]) * _SECONDS[match[2] or "h"], "s")


def format_frequency(frequency: np.timedelta64) -> str:
    """Write a frequency in the largest unit that divides it."""
    seconds = int(frequency / np.timedelta64(1, "s"))
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
