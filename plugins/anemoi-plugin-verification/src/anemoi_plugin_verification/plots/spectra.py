"""The power of a field by wavenumber."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi_plugin_training.losses.spectra import Harmonics, Spectrum, spectrum_of
from numpy.typing import NDArray


class Spectra:
    """The transform of a grid, as the spectral losses of the trainer take it.

    Parameters
    ----------
    grid
        Of the fields: circles of latitude, regular or reduced.
    transform
        Of that grid.
    """

    def __init__(self, grid: Grid, transform: Spectrum) -> None:
        self._transform = transform
        self._weights = torch.from_numpy(grid.areas / grid.areas.mean()).float()[:, None]  # (grid, 1)
        self.axis = "total wavenumber" if isinstance(transform, Harmonics) else "zonal wavenumber"

    @classmethod
    def of(cls, grid: Grid) -> Spectra | None:
        """Those of a grid; None for one that has no transform."""
        try:
            return cls(grid, spectrum_of(grid, "auto", "power-spectrum"))
        except ConfigError:
            return None

    def power(self, fields: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the mean power of some fields, ``(fields, grid)``, by wavenumber from one, ``(wavenumber,)``.

        With the power of wavenumber zero, they add up to the mean square by area.
        """
        waves = self._transform(torch.from_numpy(fields)[..., None], self._weights)
        squares = waves.abs().double().square().sum(dim=-3)[..., 0]  # (fields, wavenumber)
        power = (squares * self._transform.multiplicity / self._transform.size).mean(0).numpy()
        return np.asarray(power[1:])
