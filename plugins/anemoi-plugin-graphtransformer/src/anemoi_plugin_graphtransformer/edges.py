"""What the layers are told of each edge."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from anemoi.core.graph import Edges
from anemoi_plugin_layers import FeedForward, TrainableFeatures, edge_features
from torch import Tensor, nn
from torch.nn import functional as F


class EdgeAttributes(nn.Module):
    """The attributes of the edges, and the features that are learnt for each.

    Parameters
    ----------
    edges
        The edges.
    names
        Which of their attributes; None is all.
    trainable_size
        How many features to learn for each edge.

    Raises
    ------
    ConfigError
        If the edges have no attribute of a name.
    """

    known: Tensor

    def __init__(self, edges: Edges, names: Sequence[str] | None, trainable_size: int) -> None:
        super().__init__()
        self.register_buffer("known", edge_features(edges, names), persistent=False)
        self.trainable = TrainableFeatures(len(edges), trainable_size)
        self.size = self.known.shape[1] + trainable_size

    def forward(self) -> Tensor:
        """``(edges, size)``."""
        attributes: Tensor = self.trainable(self.known)
        return attributes


class EdgeProjection(nn.Module):
    """A linear function of the attributes of edges, with a bias, left for the attention to apply.

    Parameters
    ----------
    attributes
        How many attributes an edge has.
    heads, channels
        Of the attention; a head has ``channels / heads``.
    pre_mlp
        Whether a linear layer and a GELU mix the attributes before.
    """

    def __init__(self, *, attributes: int, heads: int, channels: int, pre_mlp: bool) -> None:
        super().__init__()
        self.heads = heads
        self.pre_mlp = FeedForward(attributes, attributes) if pre_mlp else None
        self.linear = nn.Linear(attributes, channels)

    def forward(self, attributes: Tensor) -> tuple[Tensor, Tensor]:
        """Take apart the function into a matrix and what it is to be applied to.

        Parameters
        ----------
        attributes
            ``(edges, attributes)``.

        Returns
        -------
        tuple of Tensor
            ``(heads, channels / heads, attributes + 1)``, the bias last, and
            ``(edges, attributes + 1)``, ones last.
        """
        weight = torch.cat([self.linear.weight, self.linear.bias[:, None]], dim=1)
        if self.pre_mlp is not None:
            attributes = self.pre_mlp(attributes)
        return torch.unflatten(weight, 0, (self.heads, -1)), F.pad(attributes, (0, 1), value=1.0)
