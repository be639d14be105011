"""The logarithm of the hyperbolic cosine."""

from __future__ import annotations

import math

import torch
from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss


class LogCosh(Loss):
    """The logarithm of the hyperbolic cosine of each error: half its square if small, its size if large.

    As Huber's loss, but smooth throughout; the weighted mean over batch, lead times, members, cells and
    variables.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    """

    def __init__(self, *, domain: Domain) -> None:
        super().__init__(domain=domain)

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        return (weights * log_cosh(prediction - target)).mean()


def log_cosh(error: Tensor) -> Tensor:
    """Compute ``log(cosh(error))`` without overflow where it is large, or lost digits where it is small."""
    size = error.abs()
    small = torch.log1p(2 * (error.clamp(-1, 1) / 2).sinh().square())
    large = size + torch.log1p((-2 * size).exp()) - math.log(2)
    return torch.where(size < 1, small, large)
