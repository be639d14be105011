"""Which cells of a grid a regional grid covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from anemoi.core.errors import AbsentError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial import KDTree

_EARTH_RADIUS_KM = 6371.229
"""As the IFS has it, and with it the GRIB messages of ECMWF."""

_NEAR_DEGREES = 1.0
"""Regions whose points are all further apart than this, in degrees, are not tested for overlap."""

_SPACINGS = 3.0
"""A cell within a region has a point of it within this many of its largest spacings."""

_TINY = 1e-7


@dataclass(frozen=True)
class Overlap:
    """What counts as covered; see the options of :class:`~anemoi_plugin_zarr.views.cutout.CutoutSource`."""

    cropping_distance: float = 2.0
    neighbours: int = 5
    min_distance_km: float | None = None
    max_distance_km: float | None = None


def covered(grids: Sequence[Grid], overlap: Overlap) -> list[NDArray[np.bool_]]:
    """Find the cells of each grid that one named before it covers, ``(cell,)`` each."""
    masks = [np.zeros(len(grid), dtype=bool) for grid in grids]
    for i, grid in enumerate(grids):
        for region in grids[:i]:
            if grid is grids[-1] or _are_near(region, grid):
                masks[i] |= covers(region, grid, overlap)
    return masks


def covers(region: Grid, grid: Grid, overlap: Overlap) -> NDArray[np.bool_]:
    """Find the cells of ``grid`` that ``region`` covers, ``(cell,)``.

    A cell is covered if the ray to it from the centre of the Earth meets a triangle between three
    successive of the nearest points of the region, or if it is closer to one of them than the least
    distance, or further from all than the largest.
    """
    reach = overlap.cropping_distance
    if overlap.max_distance_km is not None:
        widest = np.cos(np.deg2rad(np.abs(region.latitudes).max()))
        one_degree = _EARTH_RADIUS_KM * widest * (np.pi / 180)
        reach = max(reach, 1.1 * overlap.max_distance_km / one_degree)
    near = _within_bounds(region, grid, reach)
    points, corners = grid.positions[near], region.positions
    distances, neighbours = _nearest(corners, points, reach, overlap)
    least = (
        overlap.min_distance_km / _EARTH_RADIUS_KM
        if overlap.min_distance_km is not None
        else np.asarray(_tree(points).query(points, k=2)[0])[:, 1].min(initial=np.inf)
    )
    nearest = distances.min(axis=1, initial=np.inf)
    inside = _in_triangles(points, corners, neighbours) | (nearest <= least)
    mask = np.zeros(len(grid), dtype=bool)
    if overlap.max_distance_km is not None:
        inside |= nearest > overlap.max_distance_km / _EARTH_RADIUS_KM
        mask[~near] = True
    mask[near] = inside
    return mask


def _are_near(one: Grid, other: Grid) -> bool:
    places = [np.stack([grid.latitudes, grid.longitudes], axis=1) for grid in (one, other)]
    return bool((np.asarray(_tree(places[0]).query(places[1])[0]) < _NEAR_DEGREES).any())


def _within_bounds(region: Grid, grid: Grid, reach: float) -> NDArray[np.bool_]:
    """Find the cells within the bounds of ``region``, and ``reach`` degrees around them."""
    north, south = min(region.latitudes.max() + reach, 90.0), max(region.latitudes.min() - reach, -90.0)
    longitudes = np.unique(region.longitudes % 360.0)
    west, east = longitudes[0], longitudes[-1]
    gaps = np.diff(longitudes)
    if len(gaps) and gaps.max() > west + 360.0 - east:  # the region lies across the meridian of Greenwich
        widest = int(gaps.argmax())
        west, east = longitudes[widest + 1], longitudes[widest] + 360.0
    inside = np.zeros(len(grid), dtype=bool)
    for turn in (-360, 0, 360):
        inside |= (grid.longitudes >= west - reach + turn) & (grid.longitudes <= east + reach + turn)
    inside &= (grid.latitudes >= south) & (grid.latitudes <= north)
    return inside


def _nearest(
    corners: NDArray[np.float64], points: NDArray[np.float64], reach: float, overlap: Overlap
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Find the corners nearest to each point: distances, inf beyond sight, and positions, -1 beyond."""
    tree = _tree(corners)
    sight = 2.0 * np.sin(np.deg2rad(reach) / 2.0)
    for kilometres in (overlap.min_distance_km, overlap.max_distance_km):
        sight = max(sight, (kilometres or 0.0) / _EARTH_RADIUS_KM)
    if len(corners) > 1:
        sight = max(sight, _SPACINGS * np.asarray(tree.query(corners, k=2)[0])[:, 1].max())
    distances = np.full((len(points), overlap.neighbours), np.inf)
    neighbours = np.full(distances.shape, -1, dtype=np.intp)
    seen = np.isfinite(tree.query(points, distance_upper_bound=sight)[0])
    distances[seen], found = tree.query(points[seen], k=overlap.neighbours)
    neighbours[seen] = np.where(found < len(corners), found, -1)
    return distances, neighbours


def _in_triangles(
    points: NDArray[np.float64], corners: NDArray[np.float64], neighbours: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Say whether the ray to each point meets a triangle of three successive neighbours.

    The test is that of Möller and Trumbore, "Fast, minimum storage ray/triangle intersection" (1997).
    """
    inside = np.zeros(len(points), dtype=bool)
    complete = (neighbours >= 0).all(axis=1)
    count = neighbours.shape[1]
    for first in range(count):
        left = np.flatnonzero(complete & ~inside)
        a, b, c = (corners[neighbours[left, (first + i) % count]] for i in range(3))
        ray, one, other = points[left], b - a, c - a
        across = np.cross(ray, other)
        volume = (one * across).sum(axis=1)
        flat = np.abs(volume) < _TINY
        scale = 1.0 / np.where(flat, 1.0, volume)
        u = scale * (-a * across).sum(axis=1)
        upright = np.cross(-a, one)
        v = scale * (ray * upright).sum(axis=1)
        along = scale * (other * upright).sum(axis=1)
        inside[left] = ~flat & (u >= 0) & (u <= 1) & (v >= 0) & (u + v <= 1) & (along > _TINY)
    return inside


def _tree(points: NDArray[np.float64]) -> KDTree:
    try:
        from scipy.spatial import KDTree
    except ModuleNotFoundError as error:
        raise AbsentError(
            f"What a region covers is found with {error.name}, which is not installed.",
            requirement="anemoi-plugin-zarr[regions]",
            fix='Install it: pip install "anemoi-plugin-zarr[regions]"',
        ) from error
    return KDTree(points)
