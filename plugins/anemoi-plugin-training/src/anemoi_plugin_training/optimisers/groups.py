"""Which parameters decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn


def decaying(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Give the groups of parameters of a torch optimiser: matrices decay, biases and norms do not."""
    listed = list(parameters)
    return [
        {"params": [each for each in listed if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in listed if each.ndim <= 1], "weight_decay": 0.0},
    ]
