"""Graph transformer blocks over the hidden nodes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.processor import Processor
from anemoi_plugin_layers import (
    Activation,
    MLPImplementation,
    Normalisation,
    check_chunks,
    check_condition,
    run_in_chunks,
)
from annotated_types import Ge, Gt
from torch import Tensor, nn

from .block import Block, BlockOptions
from .edges import EdgeAttributes
from .incidence import Incidence


class GraphTransformerProcessor(Processor):
    """Blocks in which each hidden node attends to the nodes that its edges come from.

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    num_layers
        How many blocks.
    num_chunks
        Into how many chunks they are cut for ``gradient_checkpointing``.
    num_heads
        How many attention heads; they share the channels of the attention evenly.
    attn_channels
        The channels of the attention; null is ``channels``.
    qk_norm
        Whether queries and keys are normalised in each head, before edges count.
    mlp_hidden_ratio
        The width of the MLPs, in units of ``channels``.
    mlp_extra_layers
        How many hidden layers the MLPs have beyond the first.
    mlp_implementation
        Plain, or with a gate.
    activation
        Of plain MLPs; null is GELU.
    normalisation
        Of the states before attention and MLP.
    edge_attributes
        Which attributes of the edges count; null is all.
    trainable_size
        How many features to learn for each edge.
    edge_pre_mlp
        Whether each block mixes the attributes of an edge by a linear layer and a GELU.
    condition_channels
        How many conditions scale and shift what is normalised; 0 is none.
    gradient_checkpointing
        Whether to compute the inside of a chunk again for the gradient instead of keeping it.

    Raises
    ------
    ConfigError
        If options do not fit together or the graph.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.COMPILE,
            Capability.CONDITION,
            Capability.EXPORT,
            Capability.LINEAR_MEMORY,
            Capability.NODE_CONDITION,
        }
    )

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        num_layers: Annotated[int, Ge(1)] = 4,
        num_chunks: Annotated[int, Ge(1)] = 1,
        num_heads: Annotated[int, Ge(1)] = 8,
        attn_channels: Annotated[int, Ge(1)] | None = None,
        qk_norm: bool = False,
        mlp_hidden_ratio: Annotated[float, Gt(0)] = 4.0,
        mlp_extra_layers: Annotated[int, Ge(0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        edge_attributes: list[str] | None = None,
        trainable_size: Annotated[int, Ge(0)] = 0,
        edge_pre_mlp: bool = False,
        condition_channels: Annotated[int, Ge(0)] = 0,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        check_chunks(num_layers, num_chunks)
        self.num_chunks, self.gradient_checkpointing = num_chunks, gradient_checkpointing
        self.condition_channels = condition_channels
        options = BlockOptions(
            num_heads=num_heads,
            attn_channels=attn_channels,
            qk_norm=qk_norm,
            mlp_hidden_ratio=mlp_hidden_ratio,
            mlp_extra_layers=mlp_extra_layers,
            mlp_implementation=mlp_implementation,
            activation=activation,
            normalisation=normalisation,
            attention_normalisation=normalisation,
            edge_pre_mlp=edge_pre_mlp,
            condition_channels=condition_channels,
        )
        self.incidence = Incidence(
            edges=edges, num_sources=len(nodes), num_targets=len(nodes), heads=num_heads
        )
        self.edge_attributes = EdgeAttributes(edges, edge_attributes, trainable_size)
        self.blocks = nn.ModuleList(
            Block(channels=channels, attributes=self.edge_attributes.size, options=options, bipartite=False)
            for _ in range(num_layers)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`."""
        check_condition(condition, self.condition_channels, nodes=x.shape[1])
        (x,) = run_in_chunks(
            self.blocks,
            (x,),
            condition,
            self.edge_attributes(),
            self.incidence.entries,
            num_chunks=self.num_chunks,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        return x
