"""The root of the mean squared error."""

from __future__ import annotations

from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss

_FLOOR = 1e-12
"""What is added to the mean squared error, so that its root has a gradient where there is no error."""


class RootMeanSquaredError(Loss):
    """The root of the weighted mean of squared errors, over members, cells and variables.

    The root is taken of each sample and each lead time, and the loss is their mean: that of a batch is the
    mean of the losses of its samples, however a batch is shared out.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    """

    def __init__(self, *, domain: Domain) -> None:
        super().__init__(domain=domain)

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        squares = (weights * (prediction - target).square()).mean(dim=(2, 3, 4))  # (batch, time)
        value: Tensor = ((squares + _FLOOR).sqrt() - _FLOOR**0.5).mean()
        return value
