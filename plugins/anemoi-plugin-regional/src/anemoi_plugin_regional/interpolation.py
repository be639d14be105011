"""From the grid of a boundary to the rim of a region."""

from __future__ import annotations

from typing import Literal

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from scipy.spatial import KDTree

Method = Literal["inverse-distance", "nearest"]

_NEIGHBOURS = {"inverse-distance": 4, "nearest": 1}
"""From how many points each value is made."""

_REACH = 8
"""A boundary reaches as far beyond a point as to its neighbour of this rank: the next row of most grids."""

_EARTH_KM = 6371.0
_ONE_PLACE = 1e-7


def weights(
    source: Grid, target: NDArray[np.float64], method: Method
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which points of a grid the value at each target is the weighted mean of.

    ``nearest`` takes the nearest point. ``inverse-distance`` takes the four nearest, weighted by the inverse
    of the squared distance (Shepard, "A two-dimensional interpolation function for irregularly-spaced data",
    1968); at a point of the grid it gives the value of that point.

    Parameters
    ----------
    source
        Where the values are.
    target
        Where they are wanted: unit vectors, ``(targets, 3)``.

    Returns
    -------
    tuple
        The points, and their weights, whose sum is one, ``(targets, neighbours)`` each.
    """
    count = min(_NEIGHBOURS[method], len(source))
    distances, points = map(np.asarray, KDTree(source.positions).query(target, k=np.arange(1, count + 1)))
    inverse = 1.0 / np.maximum(distances, _ONE_PLACE) ** 2
    inverse[distances[:, 0] <= _ONE_PLACE, 1:] = 0.0
    return points, (inverse / inverse.sum(axis=1, keepdims=True)).astype(np.float32)


def check_covers(source: Grid, target: NDArray[np.float64], region: str, boundary: str) -> None:
    """Refuse a boundary that does not reach over all of a rim.

    Parameters
    ----------
    source
        The grid of the boundary.
    target
        The rim: unit vectors, ``(targets, 3)``.
    region, boundary
        The names of the domains.

    Raises
    ------
    ConfigError
        With how many points are uncovered, and how far they lie from the boundary.
    """
    if not len(target):
        return
    tree = KDTree(source.positions)
    rank = min(_REACH, len(source) - 1) + 1
    reach = np.asarray(tree.query(source.positions, k=[rank])[0])[:, 0]
    distance, nearest = map(np.asarray, tree.query(target))
    # Near a pole the points of one row lie close together, and say nothing of how far the next row is.
    outside = distance > np.maximum(reach[nearest], np.median(reach))
    if outside.any():
        furthest = _EARTH_KM * 2.0 * np.arcsin(min(1.0, distance.max() / 2.0))
        raise ConfigError(
            f"The domain {boundary} does not cover the rim of {region}: {outside.sum()} of its {len(target)} "
            f"points lie outside, up to {furthest:.0f} km from the nearest point of {boundary}.",
            fix=f"Choose data for {boundary} that reach beyond the region on all sides.",
        )
