"""The areas of cells on a plane, for regions: flat maps of nodes, and the Voronoi cells on them."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray
from scipy.spatial import Delaunay, KDTree, QhullError, Voronoi

Points = NDArray[np.float64]
"""On a plane, ``(points, 2)``."""

_WIDER = 3.0
"""How many times wider the circle of a triangle outside a grid is than those of the triangles next to it."""

_ONE_PLACE = 1e-9
"""Points nearer to each other than this share of the extent of all are one."""


def equal_area(positions: NDArray[np.float64]) -> Points:
    """Map a region to a plane without changing areas, about its middle (Lambert's azimuthal projection).

    Parameters
    ----------
    positions
        Unit vectors, ``(points, 3)``.

    Raises
    ------
    DataError
        If the points are not all within 90° of their middle.
    """
    middle = positions.mean(axis=0)
    middle = middle / max(float(np.linalg.norm(middle)), np.finfo(float).tiny)
    upward = positions @ middle
    if upward.min() < 0.0:
        raise DataError(
            "The nodes lie farther than 90° from their middle, which no plane shows without tearing.",
            fix="Take spherical cells: cells=spherical.",
        )
    # Two axes on the plane, whichever way they point.
    east = np.cross(np.eye(3)[np.argmin(np.abs(middle))], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    scale = np.sqrt(2.0 / (1.0 + upward))
    return np.asarray(np.stack([positions @ east, positions @ north], axis=-1) * scale[:, None])


def latitudes_and_longitudes(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> Points:
    """The plane of longitudes and latitudes in radians, cut opposite the middle of the nodes.

    Parameters
    ----------
    latitudes, longitudes
        Degrees, ``(points,)``.
    """
    turned = np.exp(1j * np.deg2rad(longitudes))
    middle = turned.mean()
    middle = middle / abs(middle) if abs(middle) > 1e-6 else 1.0
    return np.stack([np.angle(turned / middle), np.deg2rad(latitudes)], axis=-1)


def planar_areas(points: Points) -> NDArray[np.float64]:
    """The area of the Voronoi cell around each point of a plane, ``(points,)``.

    Where the points end, a cell ends where it would if they went on beyond their border as they do inside:
    half-way to the mirror images of the neighbours. Points in one place share their cell.

    Parameters
    ----------
    points
        Three or more that are not on one line.

    Raises
    ------
    DataError
        If there are not.
    """
    grain = _ONE_PLACE * max(float(np.ptp(points, axis=0).max()), np.finfo(float).tiny)
    _, first, place, sharing = np.unique(
        np.round(points / grain), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    places = points[first]
    try:
        beyond = _beyond(places)
        cells = Voronoi(np.concatenate([places, beyond]))
    except (QhullError, ValueError) as error:
        raise DataError(
            f"The {len(places)} distinct nodes have no cells on a plane: there must be three or more that "
            "are not on one line."
        ) from error
    # A cell is made of triangles, one for each side, with their tips at its point. A side is as far from that
    # point as from the one beyond; sides that end nowhere are those of images.
    pairs = cells.ridge_points
    ends = np.asarray(cells.ridge_vertices)
    ended = (ends >= 0).all(axis=1)
    pairs, ends = pairs[ended], ends[ended]
    sides = np.linalg.norm(cells.vertices[ends[:, 0]] - cells.vertices[ends[:, 1]], axis=1)
    apart = np.linalg.norm(cells.points[pairs[:, 0]] - cells.points[pairs[:, 1]], axis=1)
    triangles = sides * apart / 4.0
    areas = np.bincount(pairs.T.ravel(), weights=np.tile(triangles, 2), minlength=len(cells.points))
    return np.asarray((areas[: len(places)] / sharing)[place.reshape(-1)])


def _beyond(points: Points) -> Points:
    """Where points would be next to the border if they went on beyond it."""
    mesh = Delaunay(points)
    outside = _outside(mesh)
    inside = mesh.simplices[~outside]
    # The border runs along the sides that one triangle inside has alone.
    sides = np.sort(np.concatenate([inside[:, [0, 1]], inside[:, [1, 2]], inside[:, [2, 0]]]), axis=1)
    sides, times = np.unique(sides, axis=0, return_counts=True)
    border = np.zeros(len(points), dtype=bool)
    border[sides[times == 1]] = True
    pairs = np.concatenate([sides, sides[:, ::-1]])
    pairs = pairs[border[pairs[:, 0]]]
    here, neighbour = points[pairs[:, 0]], points[pairs[:, 1]]
    images = 2.0 * here - neighbour
    # Along a border the image of a neighbour all but meets the next point, and would halve its cell.
    apart = np.asarray(KDTree(points).query(images)[0]) > 0.5 * np.linalg.norm(here - neighbour, axis=1)
    images = images[apart]
    triangles = mesh.find_simplex(images)
    return np.unique(images[(triangles < 0) | outside[triangles]], axis=0)


def _outside(mesh: Delaunay) -> NDArray[np.bool_]:
    """Which triangles span a bay of the border and no part of the grid, ``(triangles,)``.

    They can be reached from the rim through triangles whose circles are wider than those of the other
    triangles at their corners.
    """
    corners = mesh.points[mesh.simplices]  # (triangles, 3, 2)
    first, second, third = (corners[:, (i + 1) % 3] - corners[:, i] for i in range(3))
    doubled = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    product = np.prod([np.linalg.norm(each, axis=1) for each in (first, second, third)], axis=0)
    radii = np.divide(product, 2.0 * doubled, out=np.full(len(doubled), np.inf), where=doubled > 0.0)
    spacing = np.full(len(mesh.points), np.inf)
    np.minimum.at(spacing, mesh.simplices, radii[:, None])
    wide = radii > _WIDER * spacing[mesh.simplices].max(axis=1)
    reached = wide & (mesh.neighbors < 0).any(axis=1)
    while True:
        # A neighbour of -1 is the rim, which is always outside.
        more = wide & (reached | np.append(reached, True)[mesh.neighbors].any(axis=1))
        if (more == reached).all():
            return np.asarray(reached)
        reached = more
