"""The postprocessor ``regrid``: the fields on another grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from numpy.typing import NDArray

from .grids import grid_of
from .interpolation import Interpolation
from .mir import METHODS, mir_weights
from .weights import NEIGHBOURS, check_covered, linear, near
from .wind import DEGREES
from .winds import wind_pairs


class Regrid(PostProcessor):
    """Interpolates the fields to another grid: a reduced Gaussian grid to latitudes and longitudes, or back.

    Between rows of latitude, which all these grids have, and between the points of a row values are linear.
    Points in no rows are weighted by the inverse of their distance, the four nearest of them, which is
    coarser. Neither conserves sums over the globe, as averages over grid boxes do, and both damp extremes a
    little. Both components of a wind are interpolated as one vector in space, so that it is right across the
    poles too; directions are always those of the nearest point. What is missing at the point that counts
    most is missing; elsewhere missing points have no weight.

    Parameters
    ----------
    forecast
        What is to come.
    grid
        The spacing in degrees, ``1.0`` or ``[0.5, 1.0]`` (latitudes, longitudes), or ``O96`` (octahedral
        reduced Gaussian), ``F48`` (regular Gaussian) or, with earthkit-geo, ``N48`` (classical reduced).
    method
        How values are found; ``grid-box-average`` and ``mir-linear`` with earthkit-geo.
    area
        North, west, south and east of the new rows and columns; the globe by default.

    Raises
    ------
    ConfigError
        If there is no such grid.
    AbsentError
        If the method or the grid needs earthkit-geo, which is not installed.
    DataError
        If the forecast has no points near some of those of the grid, as of a region, for nothing is
        extrapolated; or if its grid is none that the method has weights for.
    """

    remembers = False

    def __init__(
        self,
        *,
        forecast: ForecastDescription,
        grid: float | str | list[float] = 1.0,
        method: Literal["linear", "inverse-distance", "nearest", "grid-box-average", "mir-linear"] = "linear",
        area: list[float] | None = None,
    ) -> None:
        super().__init__(forecast=forecast)
        self._target = grid_of(grid, area)
        check_covered(forecast.grid, self._target)
        self._nearest = Interpolation.of(near(forecast.grid, self._target, 1), len(forecast.grid))
        self._interpolated = _interpolation(forecast.grid, self._target, method)
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
        made = self._interpolated(fields)
        made[..., self._angles] = self._nearest(fields[..., self._angles])
        if self._winds:
            u, v = [pair.u for pair in self._winds], [pair.v for pair in self._winds]
            made[..., u], made[..., v] = self._vectors(fields[..., u], fields[..., v])
        return made.astype(np.float32)

    def _vectors(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Interpolate winds, ``(members, grid, winds)``, as vectors in space."""
        east, north = _axes(self.before.grid)  # (grid, 3)
        space = u[..., None] * east[:, None] + v[..., None] * north[:, None]  # (members, grid, winds, 3)
        made = self._interpolated(space.reshape(*u.shape[:2], -1))
        made = made.reshape(len(u), -1, *space.shape[2:])
        east, north = _axes(self._target)
        return (made * east[:, None]).sum(axis=-1), (made * north[:, None]).sum(axis=-1)


def _interpolation(source: Grid, target: Grid, method: str) -> Interpolation:
    """The way from one grid to another that a method is."""
    if method in METHODS:
        return Interpolation(mir_weights(source, target, method))
    if method == "linear":
        return Interpolation.of(linear(source, target), len(source))
    return Interpolation.of(
        near(source, target, NEIGHBOURS if method == "inverse-distance" else 1), len(source)
    )


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
