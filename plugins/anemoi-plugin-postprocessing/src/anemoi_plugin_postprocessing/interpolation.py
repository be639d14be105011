"""Fields from the points of one grid to those of another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .weights import Weights


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Makes of fields, ``(members, source, variables)``, those on other points: weighted means of them.

    What is missing at the point that counts most is missing; elsewhere missing points have no weight.

    Parameters
    ----------
    matrix
        The weights, ``(target, source)``; those of each row sum to one.
    """

    matrix: csr_array

    @classmethod
    def of(cls, weights: Weights, points: int) -> Interpolation:
        """Make one of as many neighbours for each value, of so many points."""
        neighbours, weight = weights
        starts = np.arange(len(weight) + 1) * weight.shape[1]
        shape = (len(weight), points)
        matrix = csr_array((weight.ravel(), neighbours.ravel(), starts), shape=shape, copy=True)
        matrix.eliminate_zeros()
        return cls(matrix)

    def __call__(self, fields: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate."""
        there = ~np.isnan(fields)
        if there.all():
            return self._sums(fields)
        with np.errstate(invalid="ignore", divide="ignore"):
            made = self._sums(np.where(there, fields, 0.0)) / self._sums(there.astype(np.float64))
        return np.where(there[:, self._heaviest], made, np.nan)

    def _sums(self, fields: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([self.matrix @ member for member in fields])

    @cached_property
    def _heaviest(self) -> NDArray[np.intp]:
        """The point that counts most for each value, ``(target,)``."""
        rows = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))
        order = np.lexsort((-self.matrix.data, rows))
        return np.asarray(self.matrix.indices[order[self.matrix.indptr[:-1]]], dtype=np.intp)
