"""The block that processor and mapper are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from anemoi_plugin_layers import (
    MLP,
    Activation,
    MLPImplementation,
    Norm,
    Normalisation,
    add_mlp,
    affine,
    head_channels,
    hidden_channels,
    normed_linear,
)
from torch import Tensor, nn

from .attention import edge_attention
from .edges import EdgeProjection
from .incidence import Entries


@dataclass(frozen=True, kw_only=True)
class BlockOptions:
    """The options of processor and mapper that one block needs; they are explained there."""

    num_heads: int
    attn_channels: int | None
    qk_norm: bool
    mlp_hidden_ratio: float
    mlp_extra_layers: int
    mlp_implementation: MLPImplementation
    activation: Activation | None
    normalisation: Normalisation
    attention_normalisation: Normalisation
    edge_pre_mlp: bool
    condition_channels: int


Normed = tuple[Tensor, Norm]
"""The states of nodes, and what normalises them."""


class EdgeAttention(nn.Module):
    """Attention of target nodes to the sources of their edges, and of each node to itself in its own way.

    Parameters
    ----------
    channels
        Of the states of nodes.
    attributes
        How many attributes an edge has.
    options
        Of the block.

    Raises
    ------
    ConfigError
        If heads cannot share the channels of the attention evenly.
    """

    def __init__(self, *, channels: int, attributes: int, options: BlockOptions) -> None:
        super().__init__()
        inner, self.heads = options.attn_channels or channels, options.num_heads
        width = head_channels(inner, self.heads)
        self.query, self.key, self.value, self.own = (nn.Linear(channels, inner) for _ in range(4))
        self.edge = EdgeProjection(
            attributes=attributes, heads=self.heads, channels=inner, pre_mlp=options.edge_pre_mlp
        )
        self.out = nn.Linear(inner, channels)
        self.query_norm, self.key_norm = (
            nn.LayerNorm(width, bias=False) if options.qk_norm else None for _ in range(2)
        )

    def forward(
        self,
        target: Normed,
        source: Normed | None,
        condition: Tensor | None,
        attributes: Tensor,
        entries: Entries,
    ) -> Tensor:
        """Attend.

        Parameters
        ----------
        target
            ``(batch, targets, channels)``, and what normalises it.
        source
            ``(batch, sources, channels)``, and what normalises it; None where the targets are the sources.
        condition
            ``(batch, condition_channels)``, or None.
        attributes
            ``(edges, attributes)``.
        entries
            The edges.

        Returns
        -------
        Tensor
            ``(batch, targets, channels)``.
        """
        of_target = (affine(self.query), affine(self.own))
        of_source = (affine(self.key), affine(self.value))
        if source is None:
            query, own, key, value = normed_linear(*target, of_target + of_source, condition)
        else:
            query, own = normed_linear(*target, of_target, condition)
            key, value = normed_linear(*source, of_source, condition)
        query, key = self._normalised(query, self.query_norm), self._normalised(key, self.key_norm)
        weight, attributes = self.edge(attributes)
        attended = edge_attention(query, key, value, weight, attributes, entries)
        return self.out(attended + own)  # type: ignore[no-any-return]

    def _normalised(self, x: Tensor, norm: nn.Module | None) -> Tensor:
        """``(batch, nodes, channels)``, the channels of each head normalised if there is a norm."""
        if norm is None:
            return x
        normalised: Tensor = norm(torch.unflatten(x, -1, (self.heads, -1)))
        return normalised.flatten(2).type_as(x)


class Block(nn.Module):
    """Attention along the edges, then an MLP, each added to the state of the target nodes.

    Parameters
    ----------
    channels, attributes, options
        As for :class:`EdgeAttention`.
    bipartite
        Whether sources and targets are different nodes, whose states are normalised each in its own way.
    """

    def __init__(self, *, channels: int, attributes: int, options: BlockOptions, bipartite: bool) -> None:
        super().__init__()

        def norm(kind: Normalisation) -> Norm:
            return Norm(channels, kind, condition_channels=options.condition_channels)

        self.norm_source = norm(options.attention_normalisation) if bipartite else None
        self.norm_target = norm(options.attention_normalisation)
        self.attention = EdgeAttention(channels=channels, attributes=attributes, options=options)
        self.norm_mlp = norm(options.normalisation)
        self.mlp = MLP(
            channels,
            hidden_channels(channels, options.mlp_hidden_ratio),
            channels,
            extra_layers=options.mlp_extra_layers,
            implementation=options.mlp_implementation,
            activation=options.activation,
        )

    def forward(
        self,
        target: Tensor,
        condition: Tensor | None,
        attributes: Tensor,
        entries: Entries,
        source: Tensor | None = None,
    ) -> tuple[Tensor]:
        """Update the state of the target nodes.

        Parameters
        ----------
        target
            ``(batch, targets, channels)``.
        condition
            ``(batch, condition_channels)``, or None.
        attributes
            ``(edges, attributes)``.
        entries
            The edges.
        source
            ``(batch, sources, channels)``; None where the targets are the sources.

        Returns
        -------
        tuple of Tensor
            ``(batch, targets, channels)``, alone.
        """
        other = None if source is None or self.norm_source is None else (source, self.norm_source)
        attended = self.attention((target, self.norm_target), other, condition, attributes, entries)
        target = target + attended
        return (add_mlp(target, self.norm_mlp, self.mlp, condition),)
