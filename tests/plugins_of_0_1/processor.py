"""The processor ``old-processor``."""

from __future__ import annotations

from typing import ClassVar

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability, Processor
from anemoi.core.layers import check_condition
from torch import Tensor, nn


class OldProcessor(Processor):
    """Message passing along the edges of the hidden mesh.

    In each layer a node receives the mean of the messages that its edges bring, each made of the state at
    the other end and of what is known of the edge, and adds to its state what it makes of them (Gilmer et
    al., "Neural message passing for quantum chemistry", 2017). After ``num_layers`` layers a node has heard
    of all that is so many edges away.

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    num_layers
        How many layers.

    Raises
    ------
    ConfigError
        If ``num_layers`` is less than one.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

    source: Tensor
    target: Tensor
    attributes: Tensor
    share: Tensor

    def __init__(self, *, nodes: Nodes, edges: Edges, channels: int, num_layers: int = 4) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        if num_layers < 1:
            raise ConfigError(f"num_layers is {num_layers}.", fix="Choose at least one layer.")
        # What follows from the graph is no part of the weights, so these run on any other graph.
        degree = torch.bincount(edges.target, minlength=len(nodes)).clamp_min(1)
        self.register_buffer("source", edges.source, persistent=False)
        self.register_buffer("target", edges.target, persistent=False)
        self.register_buffer("attributes", edges.attributes, persistent=False)
        self.register_buffer("share", 1.0 / degree[:, None], persistent=False)  # (nodes, 1)
        self.layers = nn.ModuleList(_Layer(channels, edges.attributes.shape[1]) for _ in range(num_layers))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`; ``condition`` must be None."""
        check_condition(condition, 0)
        for layer in self.layers:
            x = layer(x, self.source, self.target, self.attributes, self.share)
        return x


class _Layer(nn.Module):
    """One exchange of messages."""

    def __init__(self, channels: int, num_attributes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.of_state = nn.Linear(channels, channels)
        self.of_edge = nn.Linear(num_attributes, channels)
        self.update = nn.Sequential(
            nn.Linear(2 * channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, x: Tensor, source: Tensor, target: Tensor, attributes: Tensor, share: Tensor) -> Tensor:
        """``(batch, nodes, channels)`` to the same shape."""
        state = self.norm(x)
        sent = self.of_state(state).index_select(1, source)  # (batch, edges, channels)
        message = nn.functional.gelu(sent + self.of_edge(attributes))
        heard = torch.zeros_like(state).index_add(1, target, message.to(state.dtype)) * share
        change: Tensor = self.update(torch.cat([state, heard], dim=-1))  # (batch, nodes, channels)
        return x + change
