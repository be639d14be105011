"""Writes forecasts as NetCDF with the CF conventions."""

from __future__ import annotations

from .output import NetcdfOutput

__all__ = ["NetcdfOutput"]
