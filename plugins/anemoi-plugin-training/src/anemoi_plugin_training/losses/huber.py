"""Huber's loss."""

from __future__ import annotations

from typing import Annotated

from anemoi.core.domain import Domain
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..interfaces.loss import Loss


class Huber(Loss):
    """Half the square of an error up to ``delta``, along a straight line beyond, so that none rules the rest.

    Huber, "Robust estimation of a location parameter", 1964; the weighted mean over batch, lead times,
    members, cells and variables.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    delta
        Where the square ends, in standard deviations of each variable.
    """

    def __init__(self, *, domain: Domain, delta: Annotated[float, Field(gt=0)] = 1.0) -> None:
        super().__init__(domain=domain)
        self.delta = delta

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        target = target.expand_as(prediction)  # one truth for all members
        error = functional.huber_loss(prediction, target, reduction="none", delta=self.delta)
        return (weights * error).mean()
