"""Objectives whose steps all begin with states that are given, and know nothing of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from anemoi.core.interfaces import Criterion, Objective
from torch import Tensor

if TYPE_CHECKING:
    from anemoi.core.model import ForecastModel, Sample


class OfGivenStates(Objective):
    """Trained on the loss of each step of a sample by itself."""

    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.objective.Objective.loss`."""
        return torch.stack(
            [
                criterion(
                    self.advance(model, sample.inputs(step), generator), sample.targets(step), step=step
                )
                for step in range(sample.count)
            ]
        )
