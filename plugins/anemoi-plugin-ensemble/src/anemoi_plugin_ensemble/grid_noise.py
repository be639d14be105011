"""Noise of one spectrum on any grid."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from torch import Tensor

from .noise import SphericalNoise


class GridNoise:
    """Isotropic noise on any grid; harmonics are computed once and kept as long as the grid.

    Parameters
    ----------
    spectrum
        The power of a coefficient of each degree, from 0, in any unit.
    """

    def __init__(self, spectrum: NDArray[np.float64]) -> None:
        self._spectrum = spectrum
        self._on: WeakKeyDictionary[Grid, SphericalNoise] = WeakKeyDictionary()

    def draw(self, grid: Grid, generator: torch.Generator, channels: int) -> Tensor:
        """Draw fields of variance one that are independent of each other.

        Parameters
        ----------
        grid
            Where.
        generator
            The only source of random numbers; on its device the noise is computed.
        channels
            How many.

        Returns
        -------
        Tensor
            ``(grid, channels)`` float32.
        """
        if grid not in self._on or self._on[grid].device != generator.device:
            self._on[grid] = SphericalNoise(
                grid.latitudes, grid.longitudes, self._spectrum, device=generator.device
            )
        return self._on[grid].draw(generator, channels)
