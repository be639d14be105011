"""The loss of the mean or the sum over output times."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from anemoi.core.config import Builder, Component
from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss


class TimeAggregatedLoss(Loss):
    """The loss of what a forecast step gives altogether: rain of a day, say, from four times of six hours.

    Where several output times leave in one step (``objective.output_steps``), their mean or sum is held
    against that of the truth. Errors that cancel over these times cost nothing, so that it is mostly one of a
    combination (``loss=combined``). Times count by their weights; those of weight zero are left out.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    loss
        What an error of the aggregate is; by default its square.
    aggregate
        The mean over the output times, or their sum: that mean times how many there are.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        loss: Annotated[Builder, Component("loss")] | None = None,
        aggregate: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__(domain=domain)
        self.loss: Loss = (loss or Builder("loss", {"name": "mse"}))(domain=domain)
        self.aggregate, self.least_members = aggregate, self.loss.least_members
        self.scores_members, self.least_at_mean = self.loss.scores_members, self.loss.least_at_mean

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        times = prediction.shape[1]
        weights = weights.expand(-1, times, -1, -1, -1)
        total = weights.sum(dim=1, keepdim=True)  # (batch, 1, 1, grid, outputs), or one for a size
        share = weights / torch.where(total > 0, total, 1.0)
        if self.aggregate == "sum":
            share = share * times
        together = [(share * each).sum(dim=1, keepdim=True) for each in (prediction, target)]
        value: Tensor = self.loss(*together, total / times)
        return value
