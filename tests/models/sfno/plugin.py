"""A Fourier neural operator along circles of latitude."""

from __future__ import annotations

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Model
from torch import nn


class Spectral(Model):
    """Mixes the channels of each zonal wavenumber by a matrix of its own, between two maps at each point.

    A small relative of FourCastNet (Pathak et al., arXiv:2202.11214, 2022): no graph, but a regular grid.

    Parameters
    ----------
    domains, graph, steps, condition_channels
        As for every model; one domain, on a regular grid.
    channels
        How many fields are mixed.
    """

    needs_graph = False

    def __init__(self, *, domains, graph, steps, condition_channels=0, channels: int = 16) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        ((self.name, domain),) = domains.items()
        if domain.grid.axes is None:
            raise ConfigError("The model spectral needs a regular grid.", fix="Interpolate the data to one.")
        self.shape = tuple(len(axis) for axis in domain.grid.axes)  # (latitudes, longitudes)
        self.times, self.outputs = len(steps[self.name].outputs), len(domain.outputs)
        self.embed = nn.Linear(len(domain.inputs) * len(steps[self.name].inputs), channels)
        wavenumbers = self.shape[1] // 2 + 1
        self.mix = nn.Parameter(torch.randn(wavenumbers, channels, channels, 2) / channels)
        self.project = nn.Linear(channels, self.outputs * self.times)

    def forward(self, fields, condition=None):
        x = fields[self.name]  # (batch, time, ensemble, grid, inputs)
        x = self.embed(x.permute(0, 2, 3, 1, 4).flatten(3))  # (batch, ensemble, grid, channels)
        waves = torch.fft.rfft(x.unflatten(2, self.shape), dim=3)  # (..., latitude, wavenumber, channels)
        waves = torch.einsum("...kc,kcd->...kd", waves, torch.view_as_complex(self.mix))
        x = x + torch.fft.irfft(waves, n=self.shape[1], dim=3).flatten(2, 3)
        x = self.project(torch.nn.functional.gelu(x)).unflatten(-1, (self.times, self.outputs))
        return {self.name: x.permute(0, 3, 1, 2, 4)}
