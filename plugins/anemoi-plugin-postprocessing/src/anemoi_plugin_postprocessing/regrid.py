"""The postprocessor ``regrid``: the fields on another grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from numpy.typing import NDArray

from .grids import grid_of
from .weights import NEIGHBOURS, Weights, check_covered, linear, near
from .wind import DEGREES
from .winds import wind_pairs


class Regrid(PostProcessor):
    """Interpolates the fields to another grid: a reduced Gaussian grid to latitudes and longitudes, or back.

    Between rows of latitude, which all these grids have, and between the points of a row values are linear.
    Points in no rows are weighted by the inverse of their distance, the four nearest of them, which is
    coarser. Neither conserves sums over the globe, and both damp extremes a little. Both components of a wind
    are interpolated as one vector in space, so that it is right across the poles too; directions are always
    those of the nearest point. What is missing at the point that counts most is missing; elsewhere missing
    points have no weight.

    Parameters
    ----------
    forecast
        What is to come.
    grid
        The spacing in degrees, ``1.0`` or ``[0.5, 1.0]`` (latitudes, longitudes), or ``O96`` (octahedral
        reduced Gaussian) or ``F48`` (regular Gaussian).
    method
        How values are found.
    area
        North, west, south and east of the new rows and columns; the globe by default.

    Raises
    ------
    ConfigError
        If there is no such grid.
    DataError
        If the forecast has no points near some of those of the grid, as of a region, for nothing is
        extrapolated; or if the method is linear and its points lie in no rows.
    """

    remembers = False

    def __init__(
        self,
        *,
        forecast: ForecastDescription,
        grid: float | str | list[float] = 1.0,
        method: Literal["linear", "inverse-distance", "nearest"] = "linear",
        area: list[float] | None = None,
    ) -> None:
        super().__init__(forecast=forecast)
        self._target = grid_of(grid, area)
        check_covered(forecast.grid, self._target)
        self._nearest = near(forecast.grid, self._target, 1)
        if method == "linear":
            self._weights = linear(forecast.grid, self._target)
        else:
            count = NEIGHBOURS if method == "inverse-distance" else 1
            self._weights = near(forecast.grid, self._target, count)
        self._winds = wind_pairs(forecast)
        units = [forecast.units.get(name) for name in forecast.variables]
        self._angles = [column for column, each in enumerate(units) if each == DEGREES]

    @property
    def after(self) -> ForecastDescription:
        """The same variables on the other grid."""
        return replace(self.before, grid=self._target)

    def apply(self, state: State) -> NDArray[np.float32]:
        """Interpolate the next state, in double precision."""
        fields = state.fields.astype(np.float64)
        made = _interpolated(fields, self._weights)
        made[..., self._angles] = _interpolated(fields[..., self._angles], self._nearest)
        if self._winds:
            u, v = [pair.u for pair in self._winds], [pair.v for pair in self._winds]
            made[..., u], made[..., v] = self._vectors(fields[..., u], fields[..., v])
        return made.astype(np.float32)

    def _vectors(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Interpolate winds, ``(members, grid, winds)``, as vectors in space."""
        east, north = _axes(self.before.grid)  # (grid, 3)
        space = u[..., None] * east[:, None] + v[..., None] * north[:, None]  # (members, grid, winds, 3)
        made = _interpolated(space.reshape(*u.shape[:2], -1), self._weights)
        made = made.reshape(len(u), -1, *space.shape[2:])
        east, north = _axes(self._target)
        return (made * east[:, None]).sum(axis=-1), (made * north[:, None]).sum(axis=-1)


def _interpolated(fields: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """From ``(members, grid, variables)`` to the same on the points of the target."""
    points, weight = weights
    if not np.isnan(fields).any():
        return _sum(fields, points, weight)
    there = ~np.isnan(fields)
    total = _sum(there.astype(np.float64), points, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        made = _sum(np.where(there, fields, 0.0), points, weight) / total
    return np.where(there[:, points[:, 0]], made, np.nan)


def _sum(
    fields: NDArray[np.float64], points: NDArray[np.intp], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add up one neighbour after the other, which takes the least memory."""
    made = fields[:, points[:, 0]] * weight[:, :1]
    for number in range(1, points.shape[1]):
        made += fields[:, points[:, number]] * weight[:, number : number + 1]
    return made


def _axes(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors to the east and to the north at each point, ``(points, 3)``."""
    latitude, longitude = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
    zero = np.zeros_like(longitude)
    east = np.stack([-np.sin(longitude), np.cos(longitude), zero], axis=-1)
    north = np.stack(
        [-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)],
        axis=-1,
    )
    return east, north
