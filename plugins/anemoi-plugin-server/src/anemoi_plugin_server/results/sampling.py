"""Which points of a grid a map shows, and where: any grid as a raster of the points nearest to its cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from anemoi.core.grid import Grid
from numpy.typing import NDArray

GLOBAL_STEP: Final = 0.5
"""The size of a cell of a map of the globe, in degrees: half of what is between the points of O96."""

REGIONAL_CELLS: Final = 640
"""How many cells the longer side of a map of a region has."""

NOTHING: Final = 0xFFFFFFFF
"""In the raster, where there is no point near."""


@dataclass(frozen=True)
class Sampling:
    """A raster of longitudes and latitudes, and the point that is nearest to each of its cells.

    Parameters
    ----------
    points
        The points of the grid that are nearest to any cell, ``(shown,)``, in the order of the grid: of a fine
        grid not all, so that what goes over the network is never more than a map can show.
    raster
        Which of ``points`` is nearest to each cell, ``(rows, columns)`` uint32, from north to south and from
        west to east; :data:`NOTHING` outside a region.
    north, west, south, east
        The edges, in degrees; ``east`` is more than ``west``, if need be beyond 180.
    is_global
        Whether the grid covers the globe.
    """

    points: NDArray[np.intp]
    raster: NDArray[np.uint32]
    north: float
    west: float
    south: float
    east: float
    is_global: bool


class Places:
    """The points of a grid, to be found by place."""

    def __init__(self, grid: Grid) -> None:
        from scipy.spatial import KDTree  # takes longer to import than a page should wait

        self.grid = grid
        self._tree = KDTree(grid.positions)

    def nearest(self, latitudes: NDArray[np.floating], longitudes: NDArray[np.floating]) -> NDArray[np.intp]:
        """The point nearest to each place, in degrees."""
        return np.asarray(self._query(latitudes, longitudes)[1], np.intp)

    @cached_property
    def sampling(self) -> Sampling:
        """The raster for maps of this grid."""
        whole = self._covers_the_globe()
        north, west, south, east = (90.0, -180.0, -90.0, 180.0) if whole else self._box()
        rows, columns = _cells(north - south, east - west, GLOBAL_STEP if whole else None)
        latitudes = north - (np.arange(rows) + 0.5) * (north - south) / rows
        longitudes = west + (np.arange(columns) + 0.5) * (east - west) / columns
        distances, nearest = self._query(
            *(each.ravel() for each in np.meshgrid(latitudes, longitudes, indexing="ij"))
        )
        inside = np.ones(nearest.shape, bool) if whole else distances <= self._reach()[nearest]
        points, number = np.unique(nearest[inside], return_inverse=True)
        raster = np.full(nearest.shape, NOTHING, np.uint32)
        raster[inside] = number
        return Sampling(points, raster.reshape(rows, columns), north, west, south, east, whole)

    def _query(self, latitudes: NDArray[np.floating], longitudes: NDArray[np.floating]) -> Any:
        places = Grid(np.asarray(latitudes, np.float64), np.asarray(longitudes, np.float64))
        return self._tree.query(places.positions)

    def _covers_the_globe(self) -> bool:
        """Whether no cap of 20° anywhere on the globe is without a point."""
        i = np.arange(1000) + 0.5  # a Fibonacci lattice
        latitudes = np.rad2deg(np.arcsin(1 - i / 500))
        distances, _ = self._query(latitudes, (i * 180 * (3 - 5**0.5)) % 360)
        return bool(np.max(distances) < 2 * np.sin(np.deg2rad(20.0) / 2))

    def _box(self) -> tuple[float, float, float, float]:
        """The latitudes and longitudes that hold a region, with a margin."""
        x, y, _ = self.grid.positions.mean(axis=0)
        centre = np.rad2deg(np.arctan2(y, x))
        longitudes = (self.grid.longitudes - centre + 180) % 360 - 180 + centre
        north, south = self.grid.latitudes.max(), self.grid.latitudes.min()
        west, east = longitudes.min(), longitudes.max()
        margin = 0.02 * max(north - south, east - west, 0.1)
        return (
            float(min(90.0, north + margin)),
            float(west - margin),
            float(max(-90.0, south - margin)),
            float(min(east + margin, west - margin + 360)),
        )

    def _reach(self) -> NDArray[np.float64]:
        """How far each point of a region is shown around it: as far as its fourth neighbour is."""
        count = min(5, len(self.grid))
        away = np.asarray(self._tree.query(self.grid.positions, k=count)[0]).reshape(len(self.grid), -1)[
            :, -1
        ]
        return np.asarray(np.maximum(away, np.median(away)))


def _cells(height: float, width: float, step: float | None) -> tuple[int, int]:
    step = step or max(height, width) / REGIONAL_CELLS
    return max(1, round(height / step)), max(1, round(width / step))
