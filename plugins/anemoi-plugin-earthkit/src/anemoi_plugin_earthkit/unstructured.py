"""The points of an unstructured grid, which GRIB leaves to a file of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.grid import Grid

from .places import located

_NAMES = (("latitude", "degrees_north"), ("longitude", "degrees_east"))


def points_of(path: Path, count: int) -> Grid:
    """Read the one pair of latitudes and longitudes in a NetCDF file that has ``count`` points.

    ICON has three: of cells (``clat``), of corners and of edges.

    Raises
    ------
    NotThereError
        If there is no such file.
    DataError
        If it has no such points.
    """
    import xarray

    if not path.exists():
        raise NotThereError(f"{path}: there is no such file (points).", fix="Give the file of the grid.")
    try:
        with xarray.open_dataset(path) as opened:
            dataset = located(opened.load(), path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as NetCDF: {error}.", fix="Give the file of the grid: points=FILE"
        ) from error
    found = []
    for name, units in _NAMES:
        sizes = {
            str(own): variable
            for own, variable in dataset.variables.items()
            if variable.ndim == 1
            and (variable.attrs.get("standard_name") == name or variable.attrs.get("units") == units)
        }
        fitting = [variable for variable in sizes.values() if variable.size == count]
        if len(fitting) != 1:
            there = ", ".join(f"{own} of {variable.size}" for own, variable in sizes.items()) or "none"
            raise DataError(
                f"{path} has not one array of the {name} of {count} points; it has {there}.",
                fix="Give the file of the grid that the fields are on: points=FILE",
            )
        found.append(np.asarray(fitting[0].values, dtype=np.float64))
    return Grid(found[0], found[1])
