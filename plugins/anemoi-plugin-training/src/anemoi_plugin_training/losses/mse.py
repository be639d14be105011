"""The mean squared error."""

from __future__ import annotations

from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss


class MeanSquaredError(Loss):
    """The weighted mean of squared errors, over batch, lead times, members, cells and variables."""

    least_at_mean = True

    def __init__(self, *, domain: Domain) -> None:
        super().__init__(domain=domain)

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        return (weights * (prediction - target).square()).mean()
