"""Zarr stores of fields along dimensions, as xarray writes them: WeatherBench 2, ARCO-ERA5 and others."""

from .gridded import Gridded, is_gridded

__all__ = ["Gridded", "is_gridded"]
