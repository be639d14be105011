"""Features of each node or edge that are learnt rather than computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TrainableFeatures(nn.Module):
    """Puts learnt features beside the known ones of each node or edge.

    These are the only parameters whose number may depend on the graph, and they are why a model that
    has any does not move to another resolution as it is. They begin as zero.

    Parameters
    ----------
    count
        How many nodes or edges there are.
    size
        How many features each gets; 0 for none, and no parameter.
    """

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.trainable = nn.Parameter(torch.zeros(count, size)) if size else None

    def forward(self, known: Tensor) -> Tensor:
        """``(..., count, features)`` to ``(..., count, features + size)``."""
        if self.trainable is None:
            return known
        learnt = self.trainable.to(known.dtype).expand(*known.shape[:-2], -1, -1)
        return torch.cat([known, learnt], dim=-1)
