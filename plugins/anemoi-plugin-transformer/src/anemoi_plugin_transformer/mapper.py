"""Attention along the edges of a graph, from source nodes to target nodes."""

from __future__ import annotations

from typing import ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
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

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

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
        # Nodes come first, so that whole rows of memory are gathered and summed; and with index_select,
        # because the gradient of x[index] is summed in no fixed order.
        batch, nodes, _ = target.shape
        heads = (self.heads, self.head_channels)
        query = self.query(target).transpose(0, 1).index_select(0, self.edge_target)
        key_value = self.key_value(source).transpose(0, 1).index_select(0, self.edge_source)
        key_value = key_value + self.edge(self.edge_attributes)[:, None]  # (edges, batch, 2 x channels)
        key, value = (torch.unflatten(part, -1, heads) for part in key_value.chunk(2, dim=-1))
        score = (torch.unflatten(query, -1, heads) * key).sum(-1) * self.head_channels**-0.5
        # A softmax over the edges of each target. Subtracting the largest score keeps it in range.
        index = self.edge_target[:, None, None].expand_as(score)
        largest = score.new_full((nodes, batch, self.heads), -torch.inf)
        largest = largest.scatter_reduce(0, index, score.detach(), "amax")
        weight = (score - largest.index_select(0, self.edge_target)).exp()  # (edges, batch, heads)
        total = score.new_zeros(largest.shape).index_add(0, self.edge_target, weight)
        out = value.new_zeros(nodes, batch, *heads)
        out = out.index_add(0, self.edge_target, weight[..., None] * value)
        # The largest term of a total is exp(0), so only that of a target without edges is below one.
        out = out / total.clamp_min(1.0)[..., None]
        attended: Tensor = out.flatten(2).transpose(0, 1)  # (batch, nodes, channels)
        return attended
