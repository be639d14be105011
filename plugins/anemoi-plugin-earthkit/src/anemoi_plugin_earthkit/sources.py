"""The sources ``grib`` and ``netcdf``."""

from __future__ import annotations

from typing import Any

from .grib import Grib
from .netcdf import Netcdf
from .source import FieldSource


class GribSource(FieldSource):
    """States in GRIB files, edition 1 or 2, on any grid of points.

    Parameters
    ----------
    path
        A file, a directory, or a pattern such as ``DIR/2020*/*.grib``.
    rename
        What variables are to be called, by their names with or without a level: ``{z_sigma_0.51: z_510}``.
    points
        A NetCDF file with the latitudes and longitudes of an unstructured grid, as that of ICON, which GRIB
        does not hold.
    """

    def __init__(
        self,
        *,
        path: str,
        rename: dict[str, str] | None = None,
        points: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(Grib(rename or {}, points), path, **options)


class NetcdfSource(FieldSource):
    """States in NetCDF files.

    Parameters
    ----------
    path
        A file, a directory, or a pattern such as ``DIR/2020*/*.nc``.
    rename
        What variables are to be called, by their names in the files and without levels: ``{t2m: 2t}``.
    level_type
        What levels are of which the files do not say it: ``pressure``, ``model``, ``height``, ...
    """

    def __init__(
        self,
        *,
        path: str,
        rename: dict[str, str] | None = None,
        level_type: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(Netcdf(rename or {}, level_type), path, **options)
