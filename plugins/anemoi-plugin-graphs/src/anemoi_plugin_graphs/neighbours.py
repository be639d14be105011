"""Which points are near which: all within a distance, or the nearest few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Positions = NDArray[np.float64]
"""Unit vectors, ``(points, 3)``: a distance between two is straight through the sphere."""

Pairs = NDArray[np.int64]
"""A source and a target in each row, ``(pairs, 2)``."""

EARTH = 6_371.0
"""The mean radius of the Earth, km (IUGG)."""

SAME = 1e-9
"""Distances that differ by less are the same one, computed with different rounding (6 mm on the Earth)."""


def within(sources: Positions, targets: Positions, radius: float) -> Pairs:
    """Find every source within ``radius`` of each target."""
    pairs = cKDTree(targets).sparse_distance_matrix(cKDTree(sources), radius + SAME, output_type="ndarray")
    return np.stack([pairs["j"], pairs["i"]]).T


def nearest(sources: Positions, targets: Positions, count: int) -> Pairs:
    """Find the ``count`` sources nearest to each target, or all where there are fewer.

    Of sources equally far away the first are taken, so that the choice does not hang on rounding.
    """
    count = min(count, len(sources))
    tree = cKDTree(sources)
    # One more than asked for tells whether the last place is contested.
    distances, indices = map(np.asarray, tree.query(targets, k=np.arange(1, count + 2), workers=-1))
    chosen = indices[:, :count].astype(np.int64)
    farthest = distances[:, count - 1]
    for row in np.flatnonzero(distances[:, count] - farthest < SAME):
        candidates = np.sort(tree.query_ball_point(targets[row], farthest[row] + SAME))
        contests = np.linalg.norm(sources[candidates] - targets[row], axis=-1) > farthest[row] - SAME
        chosen[row] = candidates[np.argsort(contests, kind="stable")[:count]]
    return np.stack([chosen.reshape(-1), np.repeat(np.arange(len(targets)), count)], axis=-1)


def join(
    sources: Positions, targets: Positions, *, radius: float | None, num_nearest_neighbours: int | None
) -> Pairs:
    """Join each target to the sources within ``radius`` and to the nearest ones; no target is left out.

    A target with no source within ``radius`` is joined to its nearest one. Each pair comes once,
    sorted by target, then by source.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    if radius is not None:
        found.append(within(sources, targets, radius))
    if num_nearest_neighbours is not None:
        found.append(nearest(sources, targets, num_nearest_neighbours))
    pairs = np.concatenate(found)
    alone = np.flatnonzero(np.bincount(pairs[:, 1], minlength=len(targets)) == 0)
    if len(alone):
        rescued = nearest(sources, targets[alone], 1)
        pairs = np.concatenate([pairs, np.stack([rescued[:, 0], alone], axis=-1)])
    return in_order(pairs, len(sources))


def in_order(pairs: Pairs, num_sources: int) -> Pairs:
    """Keep each pair once, sorted by target, then by source."""
    # Sorted, not np.unique, which hashes and takes tens of times as long (NumPy 2.3 and later).
    keys = np.sort(pairs[:, 1] * num_sources + pairs[:, 0])
    target, source = np.divmod(keys[np.diff(keys, prepend=-1) > 0], num_sources)
    return np.stack([source, target]).T  # each column in one piece, for who takes it
