"""An input that needs no data: it follows from the place and the time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


class Forcing(ABC):
    """A field that is computed from place and time alone, such as the sunlight that comes in.

    Its values are dimensionless and of order one: they are not normalised. A variable of the data that has
    the name of an installed forcing is taken as that forcing. A subclass takes its options as keyword
    arguments, each with a type and a default.
    """

    constant: ClassVar[bool] = False
    """Whether it is the same at all times: then it is computed once."""

    @abstractmethod
    def compute(
        self,
        latitudes: NDArray[np.float64],
        longitudes: NDArray[np.float64],
        times: NDArray[np.datetime64],
    ) -> NDArray[np.floating]:
        """Compute it at each time and place.

        Parameters
        ----------
        latitudes, longitudes
            ``(grid,)``, in degrees.
        times
            ``(time,)`` datetime64[s], UTC.

        Returns
        -------
        NDArray
            ``(time, grid)``, or ``(1, grid)`` if it is constant.
        """
