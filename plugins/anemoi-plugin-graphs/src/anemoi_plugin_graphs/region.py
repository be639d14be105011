"""Where data are: the whole globe, or a region that a mesh can keep to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .icosphere import icosphere
from .neighbours import Positions

_GAP = 2.0 * np.sin(np.deg2rad(5.0) / 2.0)
"""The radius of a circle without data that a grid of the globe does not have; see `anemoi.core.areas`."""

_COARSER = 6.0
"""How many times wider than the spacing of the points it must be: else the grid is only coarse."""

_NEIGHBOURS = 8
"""As far as this many neighbours of a point, its surroundings count as covered, ..."""

_ROUND = 1.5
"""... and half as far again: more than the middle of a cell up to ten times as long as wide."""

_SAMPLE = 2_000
"""How many points the spacing of a grid is measured at."""


@dataclass(frozen=True)
class Region:
    """The neighbourhood of some points.

    Parameters
    ----------
    parts
        The points of each grid, and how far from each point the grid itself reaches, ``(points,)``.
    """

    parts: tuple[tuple[cKDTree, NDArray[np.float64]], ...]

    def near(self, positions: Positions, margin: float, *, beyond: float = 0.0) -> NDArray[np.bool_]:
        """Which positions lie on a grid, or within ``margin`` of one, ``(positions,)``.

        With ``beyond``, also those that have such a position within that distance.
        """
        found = np.zeros(len(positions), dtype=bool)
        for tree, reach in self.parts:
            distance, nearest = map(np.asarray, tree.query(positions))
            own = reach[nearest] if not beyond else np.full(len(positions), reach.max())
            found |= distance <= np.maximum(margin, own) + beyond
        return found


def region_of(grids: Sequence[Positions]) -> Region | None:
    """The region that grids cover; None if one of them covers the globe.

    Raises
    ------
    DataError
        If there are no points.
    """
    parts = []
    for positions in grids:
        if not len(positions):
            raise DataError("A mesh needs data to follow, but these nodes are none.")
        places = np.unique(positions.round(7) + 0.0, axis=0)
        tree = cKDTree(places)
        if _is_global(tree, places):
            return None
        # A point without others is its own nearest: its surroundings are the margin alone.
        neighbours = min(_NEIGHBOURS, len(places) - 1)
        distances, near = map(np.asarray, tree.query(places, k=np.arange(1, neighbours + 2)))
        # Of all that are near, the least: on a border the neighbours of a point lie on one side, far away.
        reach = distances[:, -1][near].min(axis=1) * _ROUND
        parts.append((tree, reach))
    return Region(tuple(parts))


def _is_global(tree: cKDTree, places: Positions) -> bool:
    """Whether no place of the globe is far from all points, as those between them are."""
    if len(places) < 2:
        return False
    some = places[:: max(1, len(places) // _SAMPLE)]
    spacing = float(np.median(np.asarray(tree.query(some, k=[2])[0])))
    probes = icosphere(4).vertices
    return bool(np.max(tree.query(probes)[0]) <= max(_GAP, _COARSER * spacing))
