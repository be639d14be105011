"""Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import nn, optim

from ..interfaces.optimiser import Optimiser
from .groups import decaying

Beta = Annotated[float, Field(ge=0, lt=1)]


class AdamW(Optimiser):
    """Trains everything by AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019).

    Parameters
    ----------
    learning_rate, weight_decay
        As for every :class:`.Optimiser`; matrices decay, biases and norms do not.
    betas
        How slowly the means of gradients and of their squares forget.
    eps
        What is added to the root of the mean square of the gradient.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        weight_decay: float,
        betas: tuple[Beta, Beta] = (0.9, 0.95),
        eps: Annotated[float, Field(gt=0)] = 1e-8,
    ) -> None:
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.betas, self.eps = betas, eps

    def build(self, parameters: Mapping[str, nn.Parameter]) -> list[optim.Optimizer]:
        """See :meth:`.Optimiser.build`."""
        groups = decaying(parameters.values(), self.weight_decay)
        return [optim.AdamW(groups, lr=self.learning_rate, betas=self.betas, eps=self.eps)]
