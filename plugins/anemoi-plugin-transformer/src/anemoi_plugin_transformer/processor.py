"""A transformer over the hidden nodes, each seeing a window of its neighbours."""

from __future__ import annotations

from typing import ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.processor import Processor
from torch import Tensor, nn

from .blocks import MLP, head_channels, join_heads, refuse_condition, split_heads
from .ordering import by_latitude
from .rotary import SphericalRotary
from .window import SlidingWindow


class TransformerProcessor(Processor):
    """Transformer blocks with exact sliding-window attention.

    Nodes are taken from south to north (:func:`~.ordering.by_latitude`), and each attends to those
    within ``window_size`` places. The edges of the graph are not used. The last state is not
    normalised, for the reason that :class:`~.mapper.TransformerMapper` gives.

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    num_layers
        How many blocks.
    num_heads
        How many attention heads; they share ``channels`` evenly.
    window_size
        How many nodes a node sees on either side; null is all of them.
    mlp_hidden_ratio
        The width of the MLPs, in units of ``channels``.
    rotary
        Whether scores depend on where nodes lie from each other (:class:`~.rotary.SphericalRotary`).
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

    order: Tensor
    rank: Tensor

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        num_layers: int = 4,
        num_heads: int = 4,
        window_size: int | None = 256,
        mlp_hidden_ratio: float = 4.0,
        rotary: bool = True,
    ) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        order = by_latitude(nodes)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("rank", torch.argsort(order), persistent=False)
        window = SlidingWindow(nodes=len(nodes), window=len(nodes) if window_size is None else window_size)
        per_head = head_channels(channels, num_heads)
        turn = (
            SphericalRotary(positions=nodes.positions[order], heads=num_heads, head_channels=per_head)
            if rotary
            else nn.Identity()
        )
        mlp_channels = round(mlp_hidden_ratio * channels)
        self.layers = nn.ModuleList(
            _Block(channels, num_heads, mlp_channels, window, turn) for _ in range(num_layers)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`; ``condition`` must be None."""
        refuse_condition(condition)
        x = x.index_select(1, self.order)  # (batch, nodes, channels), south to north
        for layer in self.layers:
            x = layer(x)
        return x.index_select(1, self.rank)


class _Block(nn.Module):
    """Attention, then an MLP, each on the normalised state and added to it (pre-norm)."""

    def __init__(
        self, channels: int, heads: int, mlp_channels: int, window: nn.Module, turn: nn.Module
    ) -> None:
        super().__init__()
        self.heads, self.window, self.turn = heads, window, turn
        self.norm_attention, self.norm_mlp = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mlp = MLP(channels, mlp_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, nodes, channels)`` to the same shape."""
        qkv = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        query, key, value = (split_heads(part, self.heads) for part in qkv)  # (batch, heads, nodes, channels)
        attended: Tensor = self.window(self.turn(query), self.turn(key), value)
        x = x + self.out(join_heads(attended))
        return x + self.mlp(self.norm_mlp(x))  # type: ignore[no-any-return]
