"""The objective ``ensemble``: members that differ by noise, trained together by a score over members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from anemoi.core.interfaces.model import Fields
from anemoi.core.objectives import Rollout
from pydantic import Field
from torch import Tensor

if TYPE_CHECKING:
    from anemoi.core.model import ForecastModel

Count = Annotated[int, Field(ge=1)]


class Ensemble(Rollout):
    """A rollout of several members, each conditioned on random numbers of its own at every step.

    A score over members, ``loss=crps``, trains them to be as far apart as they are from the truth. So FGN is
    trained, which conditions all layers on one global vector for each member (Alet et al., "Skillful joint
    probabilistic weather forecasting from marginals", arXiv:2506.10772, 2025).

    Parameters
    ----------
    input_steps, output_steps, lead_time
        As of the rollout.
    members
        How many are trained at a time; a forecast has as many as its user asks for.
    noise_channels
        How many random numbers each is conditioned on.
    """

    stochastic = True

    def __init__(
        self,
        *,
        input_steps: Count = 2,
        output_steps: Count = 1,
        lead_time: str | None = None,
        members: Count = 2,
        noise_channels: Count = 32,
    ) -> None:
        super().__init__(input_steps=input_steps, output_steps=output_steps, lead_time=lead_time)
        self.trained_members, self.noise_channels = members, noise_channels

    @property
    def condition_channels(self) -> int:
        """See :meth:`anemoi.core.interfaces.objective.Objective.condition_channels`."""
        return self.noise_channels

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        fields = next(iter(inputs.values()))  # (batch, time in, ensemble, grid, inputs)
        size = (fields.shape[0], fields.shape[2], self.noise_channels)
        noise = torch.randn(size, generator=generator, device=generator.device).to(fields.device)
        outputs: dict[str, Tensor] = model(inputs, noise)
        return outputs
