"""Some of the cells of a source: an area, every n-th row and column, or all within its outermost ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.rows import rows_and_columns
from numpy.typing import NDArray

from ..reader import Index, Reader
from .view import View, within


class Cells(View):
    """Cells of a source where a mask is true, in their order.

    Parameters
    ----------
    source
        The source.
    mask
        ``(cell,)``, true for those that stay.
    """

    def __init__(self, source: Reader, /, mask: NDArray[np.bool_]) -> None:
        super().__init__(source)
        self._chosen: NDArray[np.intp] = np.flatnonzero(mask)
        grid = source.grid
        self._grid = Grid(grid.latitudes[self._chosen], grid.longitudes[self._chosen], _shape(mask, grid))

    @property
    def grid(self) -> Grid:
        """The cells chosen; a rectangle of a field keeps its shape."""
        return self._grid

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """That of the source if all cells are chosen: its statistics are not those of some."""
        return self._source.statistics_period if len(self._grid) == len(self._source.grid) else None

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read those of the source that are meant."""
        self._source.fill(out, times, variables, within(self._chosen, cells))


def area(source: Reader, bounds: Sequence[float]) -> Cells:
    """Choose the cells within ``bounds``: north, west, south, east, in degrees, all included.

    Longitudes may be written in any turn; an area that begins in the west of Greenwich and ends in its
    east is 350 to 10, or -10 to 10.
    """
    require_area(bounds)
    north, west, south, east = bounds
    east = east + 360 if east < west else east
    grid = source.grid
    inside = np.zeros(len(grid), dtype=bool)
    for turn in (-360, 0, 360):
        inside |= (grid.longitudes >= west + turn) & (grid.longitudes <= east + turn)
    mask = inside & (grid.latitudes >= south) & (grid.latitudes <= north)
    if not mask.any():
        raise DataError(f"{source} has no point in the area {list(bounds)} (north, west, south, east).")
    return Cells(source, mask)


def require_area(bounds: Sequence[float]) -> None:
    """Refuse ``bounds`` that are no area, whatever the source is.

    Raises
    ------
    ConfigError
        If so.
    """
    north, west, south, east = bounds
    if not (-90 <= south <= north <= 90 and -360 <= west <= 360 and -360 <= east <= 360):
        raise ConfigError(
            f"area: {list(bounds)} is no area.", fix="Write it as [north, west, south, east], in degrees."
        )


def thinning(source: Reader, step: int) -> Cells:
    """Choose every ``step``-th row and column of a field on a grid of two dimensions."""
    shape = source.grid.field_shape
    if shape is None or len(shape) != 2:
        raise DataError(
            f"{source} cannot be thinned: its fields have the shape {shape}, not rows and columns."
        )
    mask = np.zeros(shape, dtype=bool)
    mask[::step, ::step] = True
    return Cells(source, mask.reshape(-1))


def trim_edge(source: Reader, edge: int | Sequence[int]) -> Cells:
    """Leave out the outermost rows and columns: as many on each side, or the first and last of each.

    Columns count eastwards from the western border also of a region whose western half comes last.
    """
    first_rows, last_rows, first_columns, last_columns = (edge,) * 4 if isinstance(edge, int) else edge
    places = rows_and_columns(source.grid)
    if places is None:
        raise DataError(f"{source} has no rows and columns to trim.", fix="Choose an area instead.")
    rows, columns = places
    mask = (rows >= first_rows) & (rows <= rows.max() - last_rows)
    mask &= (columns >= first_columns) & (columns <= columns.max() - last_columns)
    if not mask.any():
        raise DataError(
            f"{source} has {rows.max() + 1} rows and {columns.max() + 1} columns: trim_edge {edge} leaves "
            "none.",
            fix="Trim fewer.",
        )
    return Cells(source, mask)


def _shape(mask: NDArray[np.bool_], grid: Grid) -> tuple[int, ...] | None:
    """Give the shape of the cells chosen, where they are whole rows and columns of a field that had one."""
    if grid.field_shape is None or len(grid.field_shape) != 2:
        return None
    field = mask.reshape(grid.field_shape)
    rows, columns = field.any(axis=1), field.any(axis=0)
    return (int(rows.sum()), int(columns.sum())) if np.array_equal(field, np.outer(rows, columns)) else None
