"""Attention along the edges of a graph, from source nodes to target nodes."""

from __future__ import annotations

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces.mapper import Mapper
from torch import Tensor, nn

from .blocks import MLP, head_channels, refuse_condition


class TransformerMapper(Mapper):
    """Each target node attends to the source nodes that its edges come from, then an MLP.

    Edge attributes are added to keys and values, so that near and far, east and west count
    differently (Shi et al., "Masked label prediction", 2021, whose graph transformer layer this is).
    A target without edges gets nothing but its own features.

    Only the MLP sees a normalised state. Everything else is a straight line from what comes in to
    what goes out, because differences between neighbours, which drive the weather, are small beside
    the values: dividing each node by a norm of its own would blur them.

    Parameters
    ----------
    source, target, edges, source_channels, target_channels, channels, out_channels
        As for every :class:`~anemoi.core.interfaces.mapper.Mapper`.
    num_heads
        How many attention heads; they share ``channels`` evenly.
    mlp_hidden_ratio
        The width of the MLP, in units of ``channels``.
    """

    edge_source: Tensor
    edge_target: Tensor
    edge_attributes: Tensor

    def __init__(
        self,
        *,
        source: Nodes,
        target: Nodes,
        edges: Edges,
        source_channels: int,
        target_channels: int,
        channels: int,
        out_channels: int,
        num_heads: int = 4,
        mlp_hidden_ratio: float = 4.0,
    ) -> None:
        super().__init__(
            source=source,
            target=target,
            edges=edges,
            source_channels=source_channels,
            target_channels=target_channels,
            channels=channels,
            out_channels=out_channels,
        )
        self.heads, self.head_channels = num_heads, head_channels(channels, num_heads)
        self.register_buffer("edge_source", edges.source, persistent=False)
        self.register_buffer("edge_target", edges.target, persistent=False)
        self.register_buffer("edge_attributes", edges.attributes, persistent=False)
        self.embed_source = nn.Linear(source_channels, channels)
        self.embed_target = nn.Linear(target_channels, channels)
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.edge = nn.Linear(edges.attributes.shape[1], 2 * channels)
        self.attention_out = nn.Linear(channels, channels)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = MLP(channels, round(mlp_hidden_ratio * channels), channels)
        self.out = nn.Linear(channels, out_channels)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`; ``condition`` must be None."""
        refuse_condition(condition)
        source, target = self.embed_source(source), self.embed_target(target)
        target = target + self.attention_out(self._attend(source, target))
        target = target + self.mlp(self.norm_mlp(target))
        return self.out(target)  # type: ignore[no-any-return]

    def _attend(self, source: Tensor, target: Tensor) -> Tensor:
        # Nodes come first, so that whole rows of memory are gathered and summed.
        batch, nodes, _ = target.shape
        # (nodes, batch, heads, channels)
        query = torch.unflatten(self.query(target).transpose(0, 1), -1, (self.heads, -1))
        key_value = self.key_value(source).transpose(0, 1)[self.edge_source]
        key_value = key_value + self.edge(self.edge_attributes)[:, None]
        key, value = (torch.unflatten(part, -1, (self.heads, -1)) for part in key_value.chunk(2, dim=-1))
        score = (query[self.edge_target] * key).sum(-1) * self.head_channels**-0.5  # (edges, batch, heads)
        weight = self._softmax(score, nodes)
        out = value.new_zeros(nodes, batch, self.heads, self.head_channels)
        out = out.index_add(0, self.edge_target, weight[..., None] * value)
        return out.flatten(2).transpose(0, 1)  # (batch, nodes, channels)

    def _softmax(self, score: Tensor, nodes: int) -> Tensor:
        """Over the edges of each target node, ``(edges, batch, heads)``."""
        index = self.edge_target[:, None, None].expand_as(score)
        shape = (nodes, *score.shape[1:])
        # Subtracting the largest changes nothing but keeps the exponential in range.
        largest = score.new_full(shape, -torch.inf).scatter_reduce(0, index, score.detach(), "amax")
        weight = (score - largest[self.edge_target]).exp()
        total = score.new_zeros(shape).index_add(0, self.edge_target, weight)
        return weight / total[self.edge_target]
