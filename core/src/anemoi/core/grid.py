"""Where the values of a field lie, and how much of the globe each one stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AbsentError, DataError


@dataclass(frozen=True, eq=False)
class Grid:
    """The points of a field, in the order of its values.

    Parameters
    ----------
    latitudes, longitudes
        ``(points,)`` float64, in degrees; latitudes within [-90, 90], longitudes in any range.
    field_shape
        The shape of the field before it was flattened, where it had one: ``(latitudes, longitudes)``.
    """

    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    field_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.latitudes.ndim != 1 or self.latitudes.shape != self.longitudes.shape:
            raise DataError(
                "A grid needs one latitude and one longitude for each point, but got shapes "
                f"{self.latitudes.shape} and {self.longitudes.shape}."
            )
        if not (np.isfinite(self.latitudes).all() and np.isfinite(self.longitudes).all()):
            raise DataError("The coordinates of a grid must be finite.")
        if len(self) and np.abs(self.latitudes).max() > 90.0:
            raise DataError(
                f"Latitudes must lie within [-90, 90], but one is {np.abs(self.latitudes).max():g}."
            )
        if self.field_shape is not None and prod(self.field_shape) != len(self):
            raise DataError(
                f"A field of shape {self.field_shape} does not have the {len(self)} points of this grid."
            )

    def __len__(self) -> int:
        return len(self.latitudes)

    def matches(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Whether both have the same points in the same order, to ``tolerance`` degrees."""
        if len(self) != len(other):
            return False
        turn = np.abs(self.longitudes - other.longitudes) % 360.0
        apart = np.minimum(turn, 360.0 - turn) * np.cos(np.deg2rad(self.latitudes))
        return bool(
            (np.abs(self.latitudes - other.latitudes) <= tolerance).all() and (apart <= tolerance).all()
        )

    def order_of(self, other: Grid, tolerance: float = 1e-3) -> NDArray[np.intp] | None:
        """Which point of another grid each point of this one is, if that one has the same points.

        The other may have them in any order, its longitudes in another range, and points twice, such as a
        column at 0° and again at 360°.

        Returns
        -------
        NDArray
            ``(points,)``, to index the points of the other grid with; None if it has other points.
        """
        if len(other) < len(self) or not len(self):
            return None
        for rows in (_rows, _as_they_are):
            ours, theirs = _sorted(self, rows, tolerance), _sorted(other, rows, tolerance)
            if len(other) > len(self):
                theirs = theirs[_first_of_each(other, theirs, tolerance)]
            if len(theirs) == len(self):
                order = np.empty(len(self), dtype=np.intp)
                order[ours] = theirs
                found = Grid(other.latitudes[order], other.longitudes[order])
                if self.matches(found, tolerance):
                    return order
        return None

    @property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The latitudes of the rows and the longitudes of the columns, if the points are such, row by row.

        Both go in one direction, longitudes on beyond 360° or below 0° where they cross it; None for any
        other grid.
        """
        if not len(self):
            return None
        if self.field_shape is not None and len(self.field_shape) == 2:
            rows, columns = self.field_shape
        else:
            columns = int(np.argmax(self.latitudes != self.latitudes[0])) or len(self)
            rows = len(self) // columns
        if rows * columns != len(self):
            return None
        latitudes, longitudes = (each.reshape(rows, columns) for each in (self.latitudes, self.longitudes))
        north, east = latitudes[:, 0], np.unwrap(longitudes[0], period=360.0)
        steps = (np.diff(north), np.diff(east))
        one_way = all((each > 0).all() or (each < 0).all() for each in steps)
        whole_turn = abs(east[-1] - east[0]) >= 360.0
        same = np.allclose(latitudes, north[:, None], rtol=0, atol=1e-6) and np.allclose(
            longitudes, longitudes[0], rtol=0, atol=1e-6
        )
        return (north, east) if one_way and same and not whole_turn else None

    @property
    def positions(self) -> NDArray[np.float64]:
        """Unit vectors from the centre of the Earth, ``(points, 3)``."""
        latitude = np.deg2rad(self.latitudes, dtype=np.float64)
        longitude = np.deg2rad(self.longitudes, dtype=np.float64)
        return np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
            axis=-1,
        )

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """The area of the cell around each point on the unit sphere, ``(points,)``.

        A cell is all that is nearer to its point than to any other: the spherical Voronoi
        diagram (Caroli et al., "Robust and efficient Delaunay triangulations of points on or
        close to a sphere", 2010, as in ``scipy.spatial.SphericalVoronoi``). Points in one place,
        such as the 144 poles of a regular 2.5° grid, share their cell evenly. On a grid of the globe
        they sum to 4π. On a regional grid the cells along the border end where they would if the grid
        went on beyond it as it does inside.

        Raises
        ------
        DataError
            With fewer than four distinct points, or all of them on one circle.
        AbsentError
            Without scipy, which a forecast does not need.
        """
        try:
            from .areas import cell_areas
        except ModuleNotFoundError as error:
            raise AbsentError(
                f"The areas of cells need {error.name}, which is not installed.",
                requirement="anemoi-core[areas]",
                fix='Install it: pip install "anemoi-core[areas]"',
            ) from error

        # Points that are one when rounded to about a metre share a place: the poles of a regular grid.
        _, first, place_of, sharing = np.unique(
            self.positions.round(7) + 0.0, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        undefined = DataError(
            f"The areas around the {len(first)} distinct points of this grid are undefined: "
            "there must be at least four, and not all on one circle."
        )
        if len(first) < 4:
            raise undefined
        try:
            cells = cell_areas(self.positions[first])
        except (ValueError, RuntimeError) as error:
            raise undefined from error
        return np.asarray((cells / sharing)[place_of.reshape(-1)], dtype=np.float64)


def _rows(latitudes: NDArray[np.float64], tolerance: float) -> NDArray[np.intp]:
    """The number of the row of each point, from the south: those whose latitudes are nearly the same."""
    order = np.argsort(latitudes, kind="stable")
    number = np.empty(len(latitudes), dtype=np.intp)
    number[order] = np.cumsum(np.diff(latitudes[order], prepend=latitudes[order[:1]]) > tolerance)
    return number


def _as_they_are(latitudes: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Latitudes themselves: scattered points lie in no rows."""
    return latitudes


def _east(grid: Grid, tolerance: float) -> NDArray[np.float64]:
    """Longitudes from 0° on; those that are a little less than 360° are 0°."""
    east = grid.longitudes % 360.0
    return np.where(east > 360.0 - tolerance, 0.0, east)


def _sorted(grid: Grid, rows: Callable[..., NDArray[Any]], tolerance: float) -> NDArray[np.intp]:
    """The points by row, then from west to east."""
    return np.lexsort((_east(grid, tolerance), rows(grid.latitudes, tolerance)))


def _first_of_each(grid: Grid, order: NDArray[np.intp], tolerance: float) -> NDArray[np.intp]:
    """Where in ``order`` each point comes first, without those that lie where the one before does."""
    latitudes, east = grid.latitudes[order], _east(grid, tolerance)[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.abs(np.diff(latitudes)) > tolerance) | (np.abs(np.diff(east)) > tolerance)
    return np.flatnonzero(new)
