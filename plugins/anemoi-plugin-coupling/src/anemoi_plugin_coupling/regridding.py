"""Values at the points of one grid from those of another, where some of these have none."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from scipy.spatial import KDTree

_ONE_PLACE = 1e-7
"""Points nearer to each other than this, on the unit sphere, are one: less than a metre on the Earth."""


class Regridding:
    """The mean of the nearest points that have values, weighed by the inverse of their distance.

    Distances are chords of the unit sphere, so that poles and the date line need no care. The sea near a
    coast takes no value from the land: a point without values does not count, however near it is. Nothing is
    conserved over the globe.

    Parameters
    ----------
    source
        The grid that values are on.
    target
        The grid that they are brought to.
    neighbours
        How many points each is taken from; 1 for the nearest alone.
    missing
        The points of the target that stay without values, ``(target,)`` bool; none if None.
    """

    def __init__(
        self, source: Grid, target: Grid, neighbours: int, missing: NDArray[np.bool_] | None = None
    ) -> None:
        self._source, self._target, self._neighbours, self._missing = source, target, neighbours, missing
        self._valid: NDArray[np.bool_] | None = None  # those points of the source that weights are of
        self._points, self._weights = np.empty((0, 0), np.intp), np.empty((0, 0))

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring ``(members, source)`` to ``(members, target)``.

        Raises
        ------
        DataError
            If no point has a value in all members.
        """
        valid = np.asarray(np.isfinite(values).all(axis=0))
        if self._valid is None or not np.array_equal(valid, self._valid):
            self._weigh(valid)
        # One neighbour after the other: (members, target), not neighbours times as much.
        result = np.zeros((len(values), len(self._target)))
        for points, weights in zip(self._points.T, self._weights.T, strict=True):
            result += values[:, points] * weights
        if self._missing is not None:
            result[:, self._missing] = np.nan
        return result.astype(np.float32)

    def _weigh(self, valid: NDArray[np.bool_]) -> None:
        there = np.flatnonzero(valid)
        if not len(there):
            raise DataError("No point has a value.")
        count = min(self._neighbours, len(there))
        nearest_first = list(range(1, count + 1))  # so that one neighbour has an axis too
        found = KDTree(self._source.positions[there]).query(self._target.positions, k=nearest_first)
        apart, nearest = np.asarray(found[0]), np.asarray(found[1])
        weights = 1.0 / np.maximum(apart, _ONE_PLACE)
        weights[apart[:, 0] < _ONE_PLACE] = np.eye(1, count)
        self._points, self._weights = there[nearest], weights / weights.sum(axis=1, keepdims=True)
        self._valid = valid
