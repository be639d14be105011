"""Reads GRIB and NetCDF files, and what services send, through earthkit-data."""

from __future__ import annotations

from .data_store import DataStoreSource
from .open_data import OpenDataSource
from .sources import GribSource, NetcdfSource

__all__ = ["DataStoreSource", "GribSource", "NetcdfSource", "OpenDataSource"]
