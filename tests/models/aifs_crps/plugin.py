"""Members that differ by noise, trained together by a score over members."""

from __future__ import annotations

from collections import defaultdict

import torch
from anemoi.core.objectives import Rollout


class Ensemble(Rollout):
    """A rollout of several members, each conditioned on numbers of its own at every step.

    So AIFS-CRPS (Lang et al., arXiv:2412.15832, 2024) and FGN (Alet et al., arXiv:2506.10772, 2025) are trained:
    with ``loss=crps`` the members learn to be as far apart as they are from the truth.

    Parameters
    ----------
    members
        How many are trained at a time.
    noise_channels
        How many random numbers each member is conditioned on.
    options
        Those of the rollout.
    """

    def __init__(self, *, members: int = 2, noise_channels: int = 8, **options) -> None:
        super().__init__(**options)
        self.members, self.noise_channels = members, noise_channels

    @property
    def condition_channels(self):
        return self.noise_channels

    def loss(self, model, sample, criterion, generator):
        made = defaultdict(dict)
        losses = []
        for step in range(sample.count):
            inputs = {
                name: values.expand(-1, -1, self.members, -1, -1)
                for name, values in sample.inputs(step, made).items()
            }
            outputs = self.advance(model, inputs, generator)
            losses.append(criterion(outputs, sample.targets(step), step=step))
            for name, times in sample.times(step).items():
                made[name].update(zip(times, outputs[name].unbind(1), strict=True))
        return torch.stack(losses)

    def advance(self, model, inputs, generator):
        fields = next(iter(inputs.values()))
        size = (fields.shape[0], fields.shape[2], self.noise_channels)  # (batch, ensemble, channels)
        return model(inputs, torch.randn(size, generator=generator, device=fields.device))
