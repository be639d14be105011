"""The grids that GRIB has keys for: regular latitudes and longitudes, and Gaussian grids."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

from .messages import Key

TOLERANCE = 2e-3
"""How far points may lie from where GRIB has them, in degrees: coordinates are often rounded to 0.001."""


def grid_keys(grid: Grid) -> dict[str, Key]:
    """Describe a grid by the keys of a message, in the order in which they are set.

    Raises
    ------
    DataError
        If it is none that GRIB has a description for without a list of its points, which it cannot hold.
    """
    keys = _regular(grid) or _gaussian(grid)
    if keys is None:
        raise DataError(
            f"The {len(grid)} points of the grid are no regular grid of latitudes and longitudes and no "
            "Gaussian grid of the globe, and GRIB keeps no list of points.",
            fix="Write the forecast as NetCDF (anemoi-plugin-netcdf) or Zarr, which do.",
        )
    return keys


def _regular(grid: Grid) -> dict[str, Key] | None:
    """Equally spaced rows and columns, of the globe or of a region."""
    if grid.axes is None:
        return None
    latitudes, longitudes = grid.axes
    if not (_is_even(latitudes) and _is_even(longitudes)):
        return None
    north, east = (_step(axis) for axis in grid.axes)
    return {
        "gridType": "regular_ll",
        "Ni": len(longitudes),
        "Nj": len(latitudes),
        **_corners(latitudes, longitudes),
        "iDirectionIncrementInDegrees": abs(east),
        "jDirectionIncrementInDegrees": abs(north),
        "iScansNegatively": int(east < 0),
        "jScansPositively": int(north > 0),
    }


def _gaussian(grid: Grid) -> dict[str, Key] | None:
    """Rows from north to south on Gaussian latitudes, each around the globe from longitude 0."""
    first = np.flatnonzero(np.diff(grid.latitudes, prepend=np.nan))
    points = np.diff(first, append=len(grid))  # in each row
    latitudes, rows = grid.latitudes[first], len(first)
    around = np.concatenate([np.arange(count) * 360.0 / count for count in points])
    apart = (grid.longitudes - around + 180.0) % 360.0 - 180.0
    if rows < 2 or rows % 2 or (np.abs(apart) > TOLERANCE).any():
        return None
    sines, _ = np.polynomial.legendre.leggauss(rows)
    if (np.abs(latitudes - np.rad2deg(np.arcsin(sines[::-1]))) > TOLERANCE).any():
        return None
    most = int(points.max())
    regular = bool((points == most).all())
    shape: dict[str, Key] = (
        {"Ni": most, "iDirectionIncrementInDegrees": 360.0 / most}
        if regular
        else {"Ni": None, "iDirectionIncrement": None, "pl": points.astype(np.int64)}
    )
    return {
        "gridType": "regular_gg" if regular else "reduced_gg",
        "Nj": rows,
        "N": rows // 2,
        **shape,
        **_corners(latitudes, np.array([0.0, 360.0 - 360.0 / most])),
    }


def _corners(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> dict[str, Key]:
    return {
        "latitudeOfFirstGridPointInDegrees": float(latitudes[0]),
        "longitudeOfFirstGridPointInDegrees": float(longitudes[0] % 360.0),
        "latitudeOfLastGridPointInDegrees": float(latitudes[-1]),
        "longitudeOfLastGridPointInDegrees": float(longitudes[-1] % 360.0),
    }


def _step(axis: NDArray[np.float64]) -> float:
    return float((axis[-1] - axis[0]) / (len(axis) - 1)) if len(axis) > 1 else 0.0


def _is_even(axis: NDArray[np.float64]) -> bool:
    return bool((np.abs(axis - axis[0] - _step(axis) * np.arange(len(axis))) <= TOLERANCE).all())
