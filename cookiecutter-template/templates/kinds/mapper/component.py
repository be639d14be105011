"""The mapper ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from typing import ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability, Mapper
from anemoi_plugin_layers import check_condition, hidden_channels
from torch import Tensor, nn


class {{ cookiecutter.__class }}(Mapper):
    """Each target node receives the mean of the messages that its edges bring, then an MLP.

    A message is made of the state at the source and of what is known of the edge. A target without edges
    receives nothing, and goes on with its own features.

    Parameters
    ----------
    source, target, edges, source_channels, target_channels, channels, out_channels
        As for every :class:`~anemoi.core.interfaces.mapper.Mapper`.
    mlp_hidden_ratio
        The width of the MLP, in units of ``channels``.

    Raises
    ------
    ConfigError
        If ``mlp_hidden_ratio`` leaves the MLP without width.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

    edge_source: Tensor
    edge_target: Tensor
    attributes: Tensor
    share: Tensor

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
        mlp_hidden_ratio: float = 2.0,
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
        width = hidden_channels(channels, mlp_hidden_ratio)
        # What follows from the graph is no part of the weights, so these run on any other graph.
        degree = torch.bincount(edges.target, minlength=len(target)).clamp_min(1)
        self.register_buffer("edge_source", edges.source, persistent=False)
        self.register_buffer("edge_target", edges.target, persistent=False)
        self.register_buffer("attributes", edges.attributes, persistent=False)
        self.register_buffer("share", 1.0 / degree[:, None], persistent=False)  # (target nodes, 1)
        self.of_source = nn.Linear(source_channels, channels)
        self.of_edge = nn.Linear(edges.attributes.shape[1], channels)
        self.of_target = nn.Linear(target_channels, channels)
        self.update = nn.Sequential(nn.Linear(2 * channels, width), nn.GELU(), nn.Linear(width, channels))
        self.out = nn.Linear(channels, out_channels)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`; ``condition`` must be None."""
        check_condition(condition, 0)
        own = self.of_target(target)  # (batch, target nodes, channels)
        sent = self.of_source(source).index_select(1, self.edge_source)  # (batch, edges, channels)
        message = nn.functional.gelu(sent + self.of_edge(self.attributes))
        heard = torch.zeros_like(own).index_add(1, self.edge_target, message.to(own.dtype)) * self.share
        own = own + self.update(torch.cat([own, heard.to(own.dtype)], dim=-1))
        mapped: Tensor = self.out(own)  # (batch, target nodes, out_channels)
        return mapped
