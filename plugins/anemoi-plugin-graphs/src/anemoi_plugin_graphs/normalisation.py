"""How attributes are scaled."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .neighbours import SAME

Normalisation = Literal["l1", "l2", "unit-max", "unit-sum", "unit-std"]
"""By the sum of absolute values, the root of the sum of squares, the largest absolute value, the sum, or the
standard deviation."""


def normalised(
    values: NDArray[np.floating[Any]],
    normalisation: Normalisation | None,
    *,
    lengths: NDArray[np.floating[Any]] | None = None,
    out: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.floating[Any]]:
    """Divide values by their size, over all of them together.

    Parameters
    ----------
    values
        ``(edges, ...)`` or ``(nodes,)``.
    normalisation
        What their size is; None leaves them as they are. Values that are all zero stay zero.
    lengths
        ``(edges,)``: how long each vector of ``values`` is, which then is what is measured.
    out
        Where the result goes: ``values`` itself if nobody else needs them.
    """
    if normalisation is None or not values.size:
        return values
    measured = values if lengths is None else lengths
    size = {
        "l1": lambda: np.abs(measured).sum(),
        "l2": lambda: np.sqrt(np.square(measured).sum()),
        "unit-max": lambda: np.abs(measured).max(),
        "unit-sum": lambda: np.abs(measured.sum()),
        "unit-std": lambda: measured.std(),
    }[normalisation]()
    return np.divide(values, size, out=out) if size > SAME else values


def normalised_by_target(
    values: NDArray[np.floating[Any]], targets: NDArray[np.int64], *, count: int
) -> NDArray[np.floating[Any]]:
    """Divide each column by the sum of its absolute values over the edges of each target.

    Parameters
    ----------
    values
        ``(edges, columns)``.
    targets
        ``(edges,)``: the target of each edge.
    count
        How many targets there are.
    """
    columns = values.T.astype(np.float64)
    sums = [np.bincount(targets, weights=np.abs(column), minlength=count) for column in columns]
    size = np.stack(sums, axis=-1).astype(np.float64)[targets]  # (edges, columns)
    return np.asarray(np.divide(values, size, out=np.zeros_like(size), where=size > 0.0))
