"""An area within a grid, whose cells alone are scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import DataError, RequestError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

_WRITTEN = "Write it as NORTH/WEST/SOUTH/EAST in degrees: 70/-60/25/45."


@dataclass(frozen=True)
class Area:
    """A box of latitudes and longitudes, borders included.

    Parameters
    ----------
    north, south
        The latitudes that it lies between (degrees).
    west, east
        The longitudes that it goes from and to, eastwards (degrees, in any range).

    Raises
    ------
    RequestError
        If the box is empty.
    """

    north: float
    west: float
    south: float
    east: float

    def __post_init__(self) -> None:
        if not (-90 <= self.south <= self.north <= 90 and self.west != self.east):
            raise RequestError(f"{self} is no area.", fix=_WRITTEN)

    def __str__(self) -> str:
        return f"{self.north:g}/{self.west:g}/{self.south:g}/{self.east:g}"

    @classmethod
    def parse(cls, text: str) -> Area:
        """Read one as a user writes it, ``70/-60/25/45``.

        Raises
        ------
        RequestError
            If it is not written so, or empty.
        """
        try:
            north, west, south, east = map(float, text.split("/"))
        except ValueError as error:
            raise RequestError(f"{text!r} is no area.", fix=_WRITTEN) from error
        return cls(north, west, south, east)

    def cells(self, grid: Grid) -> NDArray[np.bool_]:
        """Which cells of a grid have their centre in it, ``(grid,)``.

        Raises
        ------
        DataError
            If none has.
        """
        width = (self.east - self.west) % 360.0 or 360.0
        # Rounded to a metre or so, lest a cell on the western border lie 360° east of it.
        east = (grid.longitudes - self.west).round(5) % 360.0
        found = (grid.latitudes >= self.south) & (grid.latitudes <= self.north) & (east <= width)
        if not found.any():
            raise DataError(f"No point of the grid lies in the area {self}.", fix="Choose a larger one.")
        return np.asarray(found)
