"""Rotary embedding of places on the sphere."""

from __future__ import annotations

import math

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor, nn

_HIGHEST = 16.0


class SphericalRotary(nn.Module):
    """Turns queries and keys by angles that follow from where their nodes are.

    Pairs of channels are rotated by the angles ω·x, where x is the unit vector of the node and ω
    a fixed frequency, so that the score of two nodes depends on where one lies *from* the other
    (Su et al., "RoFormer", 2021; for more than one dimension Heo et al., "Rotary position
    embedding for vision transformer", 2024). Frequencies are geometric from 1 to 16 radians per
    Earth radius, wavelengths of 40,000 km to 2,500 km; their directions are spread evenly over the
    sphere, each head having its own.

    Parameters
    ----------
    positions
        ``(nodes, 3)`` unit vectors.
    heads, head_channels
        Of the attention.

    Raises
    ------
    ConfigError
        If the channels of a head cannot be paired.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, *, positions: Tensor, heads: int, head_channels: int) -> None:
        super().__init__()
        if head_channels % 2:
            raise ConfigError(
                f"Rotary embedding turns channels in pairs, but each head has {head_channels}.",
                fix="Choose channels that are a multiple of twice num_heads, or rotary=false.",
            )
        pairs = head_channels // 2
        magnitude = _HIGHEST ** torch.linspace(0, 1, pairs, dtype=torch.float64)
        angles = torch.einsum("nx,hpx->hnp", positions, _directions(heads * pairs).view(heads, pairs, 3))
        angles = angles * magnitude  # (heads, nodes, pairs)
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Rotate ``(batch, heads, nodes, head_channels)``."""
        first, second = x.chunk(2, dim=-1)
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def _directions(count: int) -> Tensor:
    """``(count, 3)`` unit vectors spread evenly over the sphere: the first points of the R2 sequence.

    Any few that follow each other are far apart, so that every head looks all ways (Roberts, "The
    unreasonable effectiveness of quasirandom sequences", 2018; equal areas by Archimedes' cylinder).
    """
    plastic = 1.32471795724474602596  # the real root of x³ = x + 1
    index = torch.arange(1, count + 1, dtype=torch.float64)
    z = 1 - 2 * (index / plastic % 1)
    longitude = 2 * math.pi * (index / plastic**2 % 1)
    radius = (1 - z * z).sqrt()
    return torch.stack([radius * longitude.cos(), radius * longitude.sin(), z], dim=-1)
