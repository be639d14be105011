"""Channels shared among attention heads."""

from __future__ import annotations

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor


def head_channels(channels: int, heads: int) -> int:
    """How many of the channels each head gets.

    Raises
    ------
    ConfigError
        If heads cannot share them evenly.
    """
    if heads < 1 or channels < 1 or channels % heads:
        raise ConfigError(
            f"{channels} channels cannot be shared by {heads} heads.",
            fix="Choose channels that are a multiple of num_heads.",
        )
    return channels // heads


def split_heads(x: Tensor, heads: int) -> Tensor:
    """``(batch, nodes, channels)`` to ``(batch, heads, nodes, channels / heads)``."""
    return torch.unflatten(x, -1, (heads, -1)).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """``(batch, heads, nodes, channels / heads)`` to ``(batch, nodes, channels)``."""
    return x.transpose(1, 2).flatten(2)
