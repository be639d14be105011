"""A processor made of any convolution of torch-geometric."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.processor import Processor
from anemoi_plugin_layers import (
    Activation,
    FeedForward,
    MLPImplementation,
    Norm,
    Normalisation,
    check_chunks,
    check_condition,
    edge_features,
    run_in_chunks,
)
from annotated_types import Ge
from torch import Tensor, nn

from .convolution import Convolution


class PyGProcessor(Processor):
    """Layers of one convolution of torch-geometric.

    Each is ``x + convolution(activation(linear(norm(x))))``: normalised and activated before the
    convolution, and with a straight line past it, which trains well in many layers (Li et al.,
    "DeeperGCN: all you need to train deeper GCNs", 2020).

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    conv
        The convolution, by the name of its class in ``torch_geometric.nn``.
    options
        Of the constructor of the convolution, besides the numbers of channels.
    num_layers
        How many there are.
    num_chunks
        Into how many chunks the layers are cut for ``gradient_checkpointing``.
    mlp_implementation, activation
        Of what comes before each convolution; null is ``gelu``, or the gate's own.
    normalisation
        Before each convolution.
    edge_attributes
        Which attributes of the edges are looked at; null is all. Many convolutions look at none.
    condition_channels
        How many conditions scale and shift the normalised states; 0 for none.
    gradient_checkpointing
        Whether only the states between chunks are kept for the gradient.

    Raises
    ------
    ConfigError
        If the convolution cannot be a processor, or does not take the options.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CONDITION, Capability.LINEAR_MEMORY, Capability.NODE_CONDITION}
    )

    edge_index: Tensor
    edge_features: Tensor

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        conv: str = "GATv2Conv",
        options: dict[str, Any] | None = None,
        num_layers: Annotated[int, Ge(1)] = 4,
        num_chunks: Annotated[int, Ge(1)] = 1,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        edge_attributes: list[str] | None = None,
        condition_channels: Annotated[int, Ge(0)] = 0,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        check_chunks(num_layers, num_chunks)
        self.num_chunks, self.gradient_checkpointing = num_chunks, gradient_checkpointing
        self.condition_channels = condition_channels
        features = edge_features(edges, edge_attributes)
        self.register_buffer("edge_index", torch.stack([edges.source, edges.target]), persistent=False)
        self.register_buffer("edge_features", features, persistent=False)
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            convolution = Convolution(
                conv, channels=channels, edge_channels=features.shape[1], options=options or {}
            )
            norm = Norm(channels, normalisation, condition_channels=condition_channels)
            before = FeedForward(channels, channels, implementation=mlp_implementation, activation=activation)
            self.layers.append(_Layer(norm, before, convolution))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layers were built for.
        """
        check_condition(condition, self.condition_channels, nodes=x.shape[1])
        batch, nodes, _ = x.shape
        # Items of the batch become graphs that do not touch.
        first = torch.arange(batch, device=x.device)[:, None] * nodes
        edge_index = (self.edge_index[:, None] + first).flatten(1)  # (2, batch x edges)
        features = self.edge_features.repeat(batch, 1)
        (x,) = run_in_chunks(
            self.layers,
            (x,),
            condition,
            edge_index,
            features,
            num_chunks=self.num_chunks,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        return x


class _Layer(nn.Module):
    def __init__(self, norm: Norm, before: FeedForward, convolution: Convolution) -> None:
        super().__init__()
        self.norm, self.before, self.convolution = norm, before, convolution

    def forward(
        self, x: Tensor, condition: Tensor | None, edge_index: Tensor, features: Tensor
    ) -> tuple[Tensor]:
        """``(batch, nodes, channels)`` to the same shape."""
        active = self.before(self.norm(x, condition)).flatten(0, 1)  # (batch x nodes, channels)
        return (x + self.convolution(active, edge_index, features.type_as(active)).view_as(x),)
