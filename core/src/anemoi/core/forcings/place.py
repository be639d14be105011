"""Points, and the functions of where they are."""

from __future__ import annotations

from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from ..interfaces.forcing import Forcing

Array = NDArray[np.float64]


class Place:
    """Points, and the functions of where they are, each computed once.

    Parameters
    ----------
    latitudes, longitudes
        ``(grid,)``, in degrees.
    """

    def __init__(self, latitudes: Array, longitudes: Array) -> None:
        self.degrees = latitudes, longitudes
        self.latitude, self.longitude = np.deg2rad(latitudes)[None, :], np.deg2rad(longitudes)[None, :]

    @cached_property
    def cos_latitude(self) -> Array:
        """``(1, grid)``."""
        return np.cos(self.latitude)

    @cached_property
    def sin_latitude(self) -> Array:
        """``(1, grid)``."""
        return np.sin(self.latitude)


_places: WeakValueDictionary[tuple[int, int], Place] = WeakValueDictionary()


class Placed(Forcing):
    """A forcing that keeps what it has computed of a place, and shares it with others of the same arrays."""

    _place: Place | None = None

    def place(self, latitudes: Array, longitudes: Array) -> Place:
        """The points; those of before if they are the same arrays, which nobody can have written to."""
        if latitudes.flags.writeable or longitudes.flags.writeable:
            return Place(latitudes, longitudes)
        # A place holds its arrays, so no others can have their identities while it is known.
        key = id(latitudes), id(longitudes)
        self._place = place = _places.get(key) or Place(latitudes, longitudes)
        _places[key] = place
        return place
