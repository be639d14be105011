"""Noise of one spectrum on the grids of a model."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Analysis
from anemoi_plugin_ensemble.noise import SphericalNoise
from numpy.typing import NDArray
from torch import Tensor

from .changes import sizes


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

    def changes(
        self, analysis: Analysis, generator: torch.Generator, amplitude: float, chosen: dict[str, list[str]]
    ) -> dict[str, Tensor]:
        """Draw changes of an initial state, the same at all of its times.

        Parameters
        ----------
        analysis
            What is to change.
        generator
            The only source of random numbers.
        amplitude
            The standard deviation at each point, in those of the change from one state to the next.
        chosen
            The variables of each domain that change, by the names of the network. Each has its own noise.

        Returns
        -------
        dict
            ``(1, 1, 1, grid, inputs)`` by domain, zero for other variables.
        """
        found = {}
        for name, domain in analysis.model.normalised.items():
            columns = [place for place, each in enumerate(domain.inputs) if each in chosen[name]]
            noise = self._drawn(domain.grid, generator, len(columns))  # (grid, columns)
            change = noise.new_zeros(1, 1, 1, len(domain.grid), len(domain.inputs))
            change[..., columns] = noise * noise.new_tensor(amplitude * sizes(domain)[columns])
            found[name] = change
        return found

    def _drawn(self, grid: Grid, generator: torch.Generator, channels: int) -> Tensor:
        if grid not in self._on:
            self._on[grid] = SphericalNoise(
                grid.latitudes, grid.longitudes, self._spectrum, device=generator.device
            )
        return self._on[grid].draw(generator, channels)
