"""A rollout within a rim that another model gives."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from anemoi.core.objectives import Rollout


class LimitedArea(Rollout):
    """Forecasts the inside of a region; on its rim stands what the domain around it says.

    The network is given the states of that domain at both ends of a step. Where the constant ``rim`` of the
    region is one, the nearest points of the other domain take the place of what was forecast, in training as in
    a forecast.

    Parameters
    ----------
    boundary
        The domain around; all others are regions.
    options
        Those of the rollout.
    """

    def __init__(self, *, boundary: str = "boundary", **options) -> None:
        super().__init__(**options)
        self.boundary = boundary

    def steps(self, frequencies):
        found = super().steps(frequencies)
        around = found[self.boundary]
        return {
            **found,
            self.boundary: replace(around, inputs=(around.inputs[-1], *around.outputs), outputs=()),
        }

    def advance(self, model, inputs, generator):
        outputs = super().advance(model, inputs, generator)
        return {name: self._with_rim(model, inputs, name, values) for name, values in outputs.items()}

    def _with_rim(self, model, inputs, name, values):
        region, around = model.domains[name], model.domains[self.boundary]
        states = inputs[self.boundary][:, 1:]  # (batch, time out, ensemble, grid, inputs)
        columns = [around.inputs.index(each) for each in region.outputs]
        states = model.chain(self.boundary).inverse(states[..., columns], region.outputs)
        rim = torch.as_tensor(region.constants["rim"], device=values.device) > 0
        given = model.normalise(name, states[..., _nearest(region, around), :], region.outputs)
        return torch.where(rim[:, None], given, values)


@lru_cache(maxsize=8)
def _nearest(region, around):
    """The nearest point of the domain around, for each of the region, ``(grid,)``."""
    return (region.grid.positions @ around.grid.positions.T).argmax(axis=1)
