"""Members that differ by noise, trained together by a score over members."""

from __future__ import annotations

import torch
from anemoi.core.objectives import Rollout


class Ensemble(Rollout):
    """A rollout of several members, each conditioned on random numbers of its own at every step.

    So AIFS-CRPS (Lang et al., arXiv:2412.15832, 2024) and FGN (Alet et al., arXiv:2506.10772, 2025) are trained:
    with ``loss=crps``, members come to be as far apart as they are from the truth.

    Parameters
    ----------
    members
        How many are trained at a time; a forecast has as many as its user asks for.
    noise_channels
        How many numbers each is conditioned on.
    options
        Those of the rollout.
    """

    stochastic = True

    def __init__(self, *, members: int = 2, noise_channels: int = 8, **options) -> None:
        super().__init__(**options)
        self.trained_members, self.noise_channels = members, noise_channels

    @property
    def condition_channels(self):
        return self.noise_channels

    def advance(self, model, inputs, generator):
        fields = next(iter(inputs.values()))  # (batch, time, ensemble, grid, inputs)
        size = (fields.shape[0], fields.shape[2], self.noise_channels)
        return model(inputs, torch.randn(size, generator=generator, device=fields.device))
