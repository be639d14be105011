"""The optimisers, and how their learning rate goes."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from .settings import TrainingSettings

_NARROW = 16
"""A matrix with a side shorter than this takes in a few features or gives out a few variables."""


def optimisers(model: nn.Module, settings: TrainingSettings) -> list[Optimizer]:
    """List those that train a model together, each some of its parameters.

    AdamW (Loshchilov and Hutter, 2019) alone, with weight decay on matrices; or beside it Muon
    (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024), which makes the
    updates of matrices orthogonal, for those that lead from one latent state to another. Its updates
    are scaled to the size that those of AdamW have, so that one learning rate and one decay serve
    both (Liu et al., "Muon is scalable for LLM training", 2025).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    found: list[Optimizer] = []
    if settings.optimiser == "muon":
        inner = [matrix for matrix in matrices if matrix.ndim == 2 and min(matrix.shape) >= _NARROW]
        matrices = [matrix for matrix in matrices if matrix.ndim > 2 or min(matrix.shape) < _NARROW]
        if inner:
            found.append(
                Muon(
                    inner,
                    lr=settings.learning_rate,
                    weight_decay=settings.weight_decay,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [*found, AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.95))]


def warmup_cosine(optimiser: Optimizer, settings: TrainingSettings) -> LambdaLR:
    """From zero up a straight line, then down a cosine to zero at the last step."""

    def factor(step: int) -> float:
        if step < settings.warmup_steps:
            return (step + 1) / settings.warmup_steps
        done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return LambdaLR(optimiser, factor)
