"""Rows and columns of a grid, counted from its border inwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .grid import Grid

_WIDER = 1.5
"""How many times wider than usual the gap is that a region in longitude ends at."""


def rows_and_columns(grid: Grid) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """The number of the row and of the column of each point, ``(points,)`` each; None if it has none.

    Both count in the order of the field, with one exception: a region over the meridian where the longitudes
    of a data set begin has its western half last, and its columns count from its own western border.
    """
    shape = grid.field_shape
    if shape is None and (axes := grid.axes) is not None:
        shape = (len(axes[0]), len(axes[1]))
    if shape is None or len(shape) != 2:
        return None
    rows, columns = np.indices(shape)
    longitudes = grid.longitudes.reshape(shape)
    if np.allclose(longitudes, longitudes[:1], rtol=0, atol=1e-6):
        columns = (columns - _first_column(longitudes[0])) % shape[1]
    return rows.reshape(-1), columns.reshape(-1)


def rings(grid: Grid) -> NDArray[np.intp] | None:
    """How many rows or columns within the border each point lies, ``(points,)``; None without such."""
    places = rows_and_columns(grid)
    if places is None:
        return None
    rows, columns = (np.minimum(place, place.max() - place) for place in places)
    return np.asarray(np.minimum(rows, columns))


def _first_column(longitudes: NDArray[np.float64]) -> int:
    """Where the columns begin: after the widest gap, also where that is within the row."""
    steps = np.abs((np.roll(longitudes, -1) - longitudes + 180.0) % 360.0 - 180.0)
    widest = int(np.argmax(steps))
    whole_circle = steps[widest] <= _WIDER * np.median(steps)
    return 0 if whole_circle else (widest + 1) % len(longitudes)
