"""Writes forecasts as GRIB 2 through eccodes."""

from __future__ import annotations

from .output import GribOutput

__all__ = ["GribOutput"]
