"""Attention of target nodes to the source nodes that their edges come from."""

from __future__ import annotations

import torch
from anemoi.core.graph import Edges
from anemoi_plugin_layers import head_channels
from torch import Tensor, nn
from torch.nn import functional as F


class EdgeAttention(nn.Module):
    """Multi-head attention whose keys and values are made of a source node and of an edge.

    Parameters
    ----------
    edges
        From source to target, sorted by target.
    edge_channels, channels
        How many features an edge and a node have.
    attn_channels, heads
        The width of queries, keys and values, and how many heads share it.
    qk_norm, softcap, dropout_p
        See :class:`~.mapper.TransformerMapper`.
    """

    source: Tensor
    target: Tensor

    def __init__(
        self,
        *,
        edges: Edges,
        edge_channels: int,
        channels: int,
        attn_channels: int,
        heads: int,
        qk_norm: bool,
        softcap: float | None,
        dropout_p: float,
    ) -> None:
        super().__init__()
        self.heads = (heads, head_channels(attn_channels, heads))
        self.softcap, self.dropout_p = softcap, dropout_p
        self.register_buffer("source", edges.source, persistent=False)
        self.register_buffer("target", edges.target, persistent=False)
        self.query = nn.Linear(channels, attn_channels)
        self.key_value = nn.Linear(channels, 2 * attn_channels)
        self.edge = nn.Linear(edge_channels, 2 * attn_channels)
        self.out = nn.Linear(attn_channels, channels)
        self.norm_query: nn.Module = nn.Identity()
        self.norm_key: nn.Module = nn.Identity()
        if qk_norm:
            self.norm_query = nn.LayerNorm(self.heads[1], bias=False)
            self.norm_key = nn.LayerNorm(self.heads[1], bias=False)

    def forward(self, source: Tensor, target: Tensor, edge: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        source, target
            ``(batch, nodes, channels)``, of each end.
        edge
            ``(edges, edge_channels)``.

        Returns
        -------
        Tensor
            ``(batch, target nodes, channels)``.
        """
        # Nodes come first, so that whole rows of memory are gathered and summed; and with index_select,
        # because the gradient of x[index] is summed in no fixed order.
        batch, nodes, _ = target.shape
        query = torch.unflatten(self.query(target).transpose(0, 1), -1, self.heads)
        query = self.norm_query(query).index_select(0, self.target)  # (edges, batch, heads, channels)
        key_value = self.key_value(source).transpose(0, 1).index_select(0, self.source)
        key_value = key_value + self.edge(edge)[:, None]  # (edges, batch, 2 x attn_channels)
        key, value = (torch.unflatten(part, -1, self.heads) for part in key_value.chunk(2, dim=-1))
        score = (query * self.norm_key(key)).sum(-1) * self.heads[1] ** -0.5
        if self.softcap is not None:
            score = self.softcap * torch.tanh(score / self.softcap)
        # A softmax over the edges of each target. Subtracting the largest score keeps it in range.
        index = self.target[:, None, None].expand_as(score)
        largest = score.new_full((nodes, batch, self.heads[0]), -torch.inf)
        largest = largest.scatter_reduce(0, index, score.detach(), "amax")
        weight = (score - largest.index_select(0, self.target)).exp()  # (edges, batch, heads)
        total = score.new_zeros(largest.shape).index_add(0, self.target, weight)
        weight = F.dropout(weight, self.dropout_p, self.training)
        out = value.new_zeros(nodes, batch, *self.heads)
        out = out.index_add(0, self.target, weight[..., None] * value)
        # The largest term of a total is exp(0), so only that of a target without edges is below one.
        out = out / total.clamp_min(1.0)[..., None]
        return self.out(out.flatten(2).transpose(0, 1))  # type: ignore[no-any-return]
