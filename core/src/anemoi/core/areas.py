"""How much of the globe lies around each of some points, also where they cover only a part of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, KDTree, SphericalVoronoi

Positions = NDArray[np.float64]
"""Unit vectors, ``(points, 3)``."""

_GAP = np.deg2rad(5.0)
"""The least radius of a circle without points that may be an outside: no grid of the globe is so coarse."""

_COARSER = 12.0
"""How many times wider it must be than the circles between the points next to it: else the grid is coarse."""

_NARROWER = 1.5
"""How many times wider the circles are that are outside only because they lie next to one that is."""

_ONE_PLACE = 1e-7
"""Positions nearer to each other than this, less than a metre on the Earth, are one."""


def cell_areas(positions: Positions) -> NDArray[np.float64]:
    """The area of the Voronoi cell around each point on the unit sphere, ``(points,)``.

    Where the points end, as on a regional grid, a cell ends where it would if the grid went on beyond
    its border as it does inside: half-way to the mirror images of the neighbours.

    Parameters
    ----------
    positions
        Four points or more, all distinct.

    Raises
    ------
    ValueError, RuntimeError
        If they all lie on one circle.
    """
    beyond = _beyond(positions)
    cells = SphericalVoronoi(np.concatenate([positions, beyond]), threshold=1e-9).calculate_areas()
    return np.asarray(cells[: len(positions)], dtype=np.float64)


def on_border(positions: Positions) -> NDArray[np.bool_]:
    """Which points a regional grid ends at, ``(points,)``; none of a grid of the globe.

    Parameters
    ----------
    positions
        Four points or more, all distinct.
    """
    hull = ConvexHull(positions)
    found = np.zeros(len(positions), dtype=bool)
    found[hull.simplices[_outside(hull)]] = True
    return found


def _outside(hull: ConvexHull) -> NDArray[np.bool_]:
    """Which facets of the hull of a grid span no cells of it, ``(facets,)``."""
    # On a sphere the facets of the convex hull are the Delaunay triangles. Seen from the centre a
    # facet's normal points to the middle of the circle through its corners, in which no point lies.
    chords = _chords(hull)
    radii = 2.0 * np.arcsin(np.clip(chords / 2.0, 0.0, 1.0))
    spacing = np.full(len(hull.points), np.inf)
    np.minimum.at(spacing, hull.simplices, radii[:, None])
    coarser = radii / spacing[hull.simplices].max(axis=1)
    certain = (radii > _GAP) & (coarser > _COARSER)
    # Between the wide triangles outside and the border there are narrower ones.
    return _connected(certain, coarser > _NARROWER, hull.neighbors)


def _chords(hull: ConvexHull) -> NDArray[np.float64]:
    """How far the corners of each facet are from the middle of its circle, ``(facets,)``."""
    corners = hull.points[hull.simplices[:, 0]]
    return np.asarray(np.linalg.norm(hull.equations[:, :3] - corners, axis=1))


def _beyond(positions: Positions) -> Positions:
    """Where a grid would have points next to its border if it went on; none if it covers the globe."""
    hull = ConvexHull(positions)
    corners, middles, chords = hull.simplices, hull.equations[:, :3], _chords(hull)
    outside = _outside(hull)
    if not outside.any():
        return np.empty((0, 3))
    border = np.zeros(len(positions), dtype=bool)
    border[corners[outside]] = True
    inside = corners[~outside]
    pairs = np.concatenate([inside[:, [i, j]] for i in range(3) for j in range(3) if i != j])
    pairs = np.unique(pairs[border[pairs[:, 0]]], axis=0)
    here, neighbour = positions[pairs[:, 0]], positions[pairs[:, 1]]
    images = 2.0 * (here * neighbour).sum(axis=1, keepdims=True) * here - neighbour
    # Along a border the image of a neighbour all but meets the next point, and would halve its cell.
    apart = KDTree(positions).query(images)[0] > 0.5 * np.linalg.norm(here - neighbour, axis=1)
    images = images[apart]
    again = [second for _, second in KDTree(images).query_pairs(_ONE_PLACE)]
    images = np.delete(images, again, axis=0)
    # An image inside a circle between neighbours is not beyond the border, but where the grid is.
    circles = KDTree(middles[~outside])
    near = circles.query_ball_point(images, chords[~outside].max() + _ONE_PLACE)
    within = [
        bool(
            (np.linalg.norm(circles.data[some] - image, axis=1) <= chords[~outside][some] + _ONE_PLACE).any()
        )
        for image, some in zip(images, near, strict=True)
    ]
    return np.delete(images, np.flatnonzero(within), axis=0)


def _connected(
    seeds: NDArray[np.bool_], allowed: NDArray[np.bool_], neighbours: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """The triangles that can be reached from ``seeds`` through such as are ``allowed``."""
    reached = seeds
    while True:
        more = reached.copy()
        more[neighbours[reached]] = True
        more &= reached | allowed
        if (more == reached).all():
            return reached
        reached = more
