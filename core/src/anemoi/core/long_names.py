"""The names of parameters in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LONG_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "10u": "eastward wind at 10 m",
        "10v": "northward wind at 10 m",
        "100u": "eastward wind at 100 m",
        "100v": "northward wind at 100 m",
        "10si": "wind speed at 10 m",
        "ws": "wind speed",
        "2d": "dew point at 2 m",
        "2t": "temperature at 2 m",
        "ci": "sea-ice fraction",
        "cp": "convective precipitation",
        "msl": "mean sea level pressure",
        "q": "specific humidity",
        "r": "relative humidity",
        "sd": "snow depth",
        "skt": "skin temperature",
        "sp": "surface pressure",
        "sst": "sea-surface temperature",
        "t": "temperature",
        "tcc": "cloud cover",
        "tcw": "water in the column",
        "tcwv": "water vapour in the column",
        "tp": "precipitation",
        "u": "eastward wind",
        "v": "northward wind",
        "vo": "vorticity",
        "w": "vertical velocity",
        "z": "geopotential",
    }
)
"""What a parameter is called, by its short name in the tables of ECMWF, without a level."""
