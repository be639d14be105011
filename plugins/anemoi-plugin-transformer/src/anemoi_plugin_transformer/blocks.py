"""What processor and mapper share."""

from __future__ import annotations

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor, nn


class MLP(nn.Sequential):
    """Two linear layers with a GELU between them."""

    def __init__(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Linear(in_channels, hidden_channels), nn.GELU(), nn.Linear(hidden_channels, out_channels)
        )


def head_channels(channels: int, heads: int) -> int:
    """Share channels among heads.

    Raises
    ------
    ConfigError
        If heads cannot share ``channels`` evenly, an even number each (they are rotated in pairs).
    """
    if heads < 1 or channels % (2 * heads):
        raise ConfigError(
            f"{channels} channels cannot be shared by {heads} heads.",
            fix="Choose channels that are a multiple of twice num_heads.",
        )
    return channels // heads


def split_heads(x: Tensor, heads: int) -> Tensor:
    """``(batch, nodes, channels)`` to ``(batch, heads, nodes, channels / heads)``."""
    return torch.unflatten(x, -1, (heads, -1)).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """``(batch, heads, nodes, channels / heads)`` to ``(batch, nodes, channels)``."""
    return x.transpose(1, 2).flatten(2)


def refuse_condition(condition: Tensor | None) -> None:
    """Refuse what these layers cannot honour.

    Raises
    ------
    ConfigError
        If ``condition`` is given.
    """
    if condition is not None:
        raise ConfigError(
            "The transformer's layers take no condition.", fix="Choose layers that can be conditioned."
        )
