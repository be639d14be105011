"""The grids that fields are brought to: rows and columns, and Gaussian grids of the globe."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

from .mir import CLASSICAL, mir_grid

_GAUSSIAN = re.compile(r"(?P<kind>[OFN])(?P<number>[1-9]\d{0,3})")

_POINTS = 1e-9
"""How much a row may be short of a whole number of spacings, by rounding."""


def grid_of(spec: float | str | list[float], area: list[float] | None) -> Grid:
    """Make the grid that an option names.

    Parameters
    ----------
    spec
        The spacing in degrees, that of latitudes and that of longitudes, or ``O96`` (octahedral reduced
        Gaussian), ``F48`` (regular Gaussian) or ``N48`` (classical reduced Gaussian).
    area
        North, west, south and east of a part of rows and columns; the globe if None.

    Raises
    ------
    ConfigError
        If there is no such grid.
    AbsentError
        For a classical grid without earthkit-geo, which has the tables of its rows.
    """
    return _grid_of(tuple(spec) if isinstance(spec, list) else spec, None if area is None else tuple(area))


@lru_cache(maxsize=16)  # weights between two grids are found once, whatever the number of forecasts
def _grid_of(spec: float | str | tuple[float, ...], area: tuple[float, ...] | None) -> Grid:
    if isinstance(spec, str):
        match = _GAUSSIAN.fullmatch(spec)
        if match is None or area is not None:
            raise ConfigError(
                f"grid: {spec} is no grid that fields can be brought to{' in an area' if match else ''}.",
                fix="Write a spacing in degrees (1.0, or [0.5, 1.0]), or, for the globe, O96 (octahedral "
                "reduced Gaussian), F48 (regular Gaussian) or N48 (classical reduced Gaussian).",
            )
        number = int(match["number"])
        if match["kind"] != "N":
            return _gaussian(number, reduced=match["kind"] == "O")
        if number not in CLASSICAL:
            raise ConfigError(
                f"grid: there is no {spec}.", fix=f"There are N{', N'.join(map(str, sorted(CLASSICAL)))}."
            )
        return mir_grid({"grid": spec})
    north_south, west_east = (spec, spec) if isinstance(spec, (int, float)) else (spec[0], spec[-1])
    if (isinstance(spec, tuple) and len(spec) != 2) or not (0 < north_south <= 90 and 0 < west_east <= 180):
        raise ConfigError(f"grid: {spec} is no spacing.", fix="Write degrees: 1.0, or [0.5, 1.0].")
    return _rows_and_columns(north_south, west_east, area or (90.0, 0.0, -90.0, 360.0))


def _rows_and_columns(north_south: float, west_east: float, area: tuple[float, ...]) -> Grid:
    """Rows from north to south and columns from west to east; a column at 360° is that at 0°."""
    if len(area) != 4 or not -90 <= area[2] <= area[0] <= 90:
        raise ConfigError(
            f"area: {[*area]} is none.", fix="Write it as [north, west, south, east], in degrees."
        )
    north, west, south, east = area
    width = 360.0 if east - west >= 360.0 else (east - west) % 360.0
    rows = int((north - south) / north_south + _POINTS) + 1
    columns = int(width / west_east + _POINTS) + 1
    if (columns - 1) * west_east > 360.0 - west_east / 2:
        columns -= 1
    latitudes = north - north_south * np.arange(rows)
    longitudes = (west % 360.0) + west_east * np.arange(columns)
    latitude, longitude = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(latitude.reshape(-1), longitude.reshape(-1), (rows, columns))


def _gaussian(number: int, *, reduced: bool) -> Grid:
    """A Gaussian grid of ``2 * number`` rows; octahedral: 20 points next to the poles, 4 more in each row.

    Malardel et al., "A new grid for the IFS", ECMWF Newsletter 146 (2016).
    """
    sines, _ = np.polynomial.legendre.leggauss(2 * number)
    latitudes = np.rad2deg(np.arcsin(sines[::-1]))
    half = 20 + 4 * np.arange(number) if reduced else np.full(number, 4 * number)
    counts: NDArray[np.int64] = np.concatenate([half, half[::-1]])
    longitudes = np.concatenate([np.arange(count) * (360.0 / count) for count in counts])
    return Grid(np.repeat(latitudes, counts), longitudes, None if reduced else (2 * number, 4 * number))
