"""Muon for the matrices between latent states, AdamW for all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import nn, optim

from ..interfaces.optimiser import Optimiser
from .adamw import AdamW, Beta

_NARROW = 16
"""A matrix with a side shorter than this takes in a few features or gives out a few variables."""


class Muon(Optimiser):
    """Makes the updates of matrices that lead from one latent state to another orthogonal.

    Muon trains these (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024), and
    AdamW beside it everything else. Its updates are scaled to the size that those of AdamW have, so that
    one learning rate and one decay serve both (Liu et al., "Muon is scalable for LLM training", 2025).

    Parameters
    ----------
    learning_rate, weight_decay
        As for every :class:`.Optimiser`; matrices decay, biases and norms do not.
    momentum
        How slowly the mean of gradients forgets, in Muon.
    betas, eps
        Of AdamW; see :class:`.AdamW`.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        weight_decay: float,
        momentum: Beta = 0.95,
        betas: tuple[Beta, Beta] = (0.9, 0.95),
        eps: Annotated[float, Field(gt=0)] = 1e-8,
    ) -> None:
        self.learning_rate, self.weight_decay, self.momentum = learning_rate, weight_decay, momentum
        self.rest = AdamW(learning_rate=learning_rate, weight_decay=weight_decay, betas=betas, eps=eps)

    def build(self, parameters: Mapping[str, nn.Parameter]) -> list[optim.Optimizer]:
        """See :meth:`.Optimiser.build`."""
        inner = {name: each for name, each in parameters.items() if _is_inner(each)}
        rest = {name: each for name, each in parameters.items() if name not in inner}
        found: list[optim.Optimizer] = []
        if inner:
            found.append(
                optim.Muon(
                    list(inner.values()),
                    lr=self.learning_rate,
                    weight_decay=self.weight_decay,
                    momentum=self.momentum,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        return [*found, *self.rest.build(rest)]


def _is_inner(parameter: nn.Parameter) -> bool:
    """Whether it leads from one latent state to another."""
    return parameter.ndim == 2 and min(parameter.shape) >= _NARROW
