"""Fields on any grid brought to the pixels of a map."""

from __future__ import annotations

import numpy as np
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from scipy.spatial import Delaunay, KDTree

from .projection import HEIGHT, WIDTH, project, unproject

Array = NDArray[np.float64]

PIXELS = 600
"""The width of a map, in pixels."""

FINE = 200_000
"""With so many points, about as many as pixels, the nearest point shows all that a pixel can."""


class Raster:
    """Takes fields on a grid to the pixels of a map, by linear interpolation between points.

    The points are joined to triangles in longitude and latitude. Where a global grid leaves a gap
    (about the poles), and for one finer than the map, the nearest point is taken. The map of a
    regional grid shows the region alone, and nothing outside the triangles.

    Parameters
    ----------
    grid
        Where the values lie.

    Attributes
    ----------
    centre
        The longitude in the middle of the map, in degrees.
    x, y
        The pixels in the coordinates of the projection, ``(columns,)`` and ``(rows,)``, from west to
        east and from north to south.
    """

    def __init__(self, grid: Grid) -> None:
        tree = KDTree(grid.positions)
        is_global = _covers_the_globe(tree)
        self.centre = 0.0 if is_global else _middle(grid)
        west, east, south, north = _window(grid, self.centre, is_global)
        self.x = np.linspace(west, east, PIXELS)
        self.y = np.linspace(north, south, max(2, round(PIXELS * (north - south) / (east - west))))
        longitudes, latitudes = (
            np.ravel(coordinate) for coordinate in unproject(*np.meshgrid(self.x, self.y), self.centre)
        )
        positions = Grid(latitudes, longitudes).positions
        if is_global and len(grid) >= FINE:
            self._corners = _nearest(tree, positions)
            self._weights = np.ones(self._corners.shape)
            return
        self._corners, self._weights = _interpolation(grid, longitudes, latitudes, self.centre)
        outside = np.isnan(self._weights[:, 0])
        if is_global and outside.any():
            self._corners[outside] = _nearest(tree, positions[outside])
            self._weights[outside] = 1 / 3

    def __call__(self, field: NDArray[np.floating]) -> Array:
        """Bring a field ``(grid,)`` to the map, ``(rows, columns)``; NaN where there is nothing.

        Where it is NaN at some points around a pixel, the nearest of them decides whether the pixel is;
        its value is that of the others.
        """
        corners, weights = np.asarray(field, np.float64)[self._corners], self._weights
        gaps = np.isnan(corners)
        if gaps.any():
            nearest = weights.argmax(axis=1)[:, None]
            weights = np.where(gaps, 0.0, weights)
            with np.errstate(invalid="ignore"):
                weights = weights / weights.sum(axis=1, keepdims=True)
            weights = np.where(np.take_along_axis(gaps, nearest, axis=1), np.nan, weights)
            corners = np.where(gaps, 0.0, corners)
        values: Array = (corners * weights).sum(axis=1)
        return values.reshape(len(self.y), len(self.x))


def _covers_the_globe(tree: KDTree) -> bool:
    """Whether no cap of 20° anywhere on the globe is without a point."""
    i = np.arange(1000) + 0.5  # a Fibonacci lattice
    latitudes = np.rad2deg(np.arcsin(1 - i / 500))
    distances, _ = tree.query(Grid(latitudes, np.asarray(i * 180 * (3 - 5**0.5)) % 360).positions)
    return bool(np.max(distances) < 2 * np.sin(np.deg2rad(20.0) / 2))


def _nearest(tree: KDTree, positions: Array) -> NDArray[np.intp]:
    """The point nearest to each place, ``(places, 1)``."""
    return np.asarray(tree.query(positions)[1], np.intp)[:, None]


def _middle(grid: Grid) -> float:
    x, y, _ = grid.positions.mean(axis=0)
    return float(np.rad2deg(np.arctan2(y, x)))


def _window(grid: Grid, centre: float, is_global: bool) -> tuple[float, float, float, float]:
    if is_global:
        return -WIDTH / 2, WIDTH / 2, -HEIGHT / 2, HEIGHT / 2
    x, y = project(grid.longitudes, grid.latitudes, centre)
    margin = 0.04 * max(np.ptp(x), np.ptp(y), 1e-6)
    return x.min() - margin, x.max() + margin, y.min() - margin, y.max() + margin


def _interpolation(
    grid: Grid, longitudes: Array, latitudes: Array, centre: float
) -> tuple[NDArray[np.intp], Array]:
    """For each place the points of the triangle around it and their weights, ``(places, 3)`` each.

    The weights are NaN where no triangle is.
    """
    points = np.arange(len(grid))
    plane = np.stack([(grid.longitudes - centre + 180.0) % 360.0 - 180.0, grid.latitudes], axis=-1)
    # The points near the seam, opposite the centre, once more on its other side.
    for turn in (360.0, -360.0):
        copies = np.flatnonzero(np.abs(plane[: len(grid), 0] + turn) < 210.0)
        points = np.concatenate([points, copies])
        plane = np.concatenate([plane, plane[copies] + (turn, 0.0)])
    triangles = Delaunay(plane)
    places = np.stack([longitudes - centre, latitudes], axis=-1)
    found = triangles.find_simplex(places)
    transform = triangles.transform[found]
    two = np.einsum("pij,pj->pi", transform[:, :2], places - transform[:, 2])
    weights = np.concatenate([two, 1 - two.sum(axis=1, keepdims=True)], axis=1)
    weights[found < 0] = np.nan
    return points[triangles.simplices[found]], weights
