"""Reads GRIB and NetCDF files through earthkit-data."""

from __future__ import annotations

from .sources import GribSource, NetcdfSource

__all__ = ["GribSource", "NetcdfSource"]
