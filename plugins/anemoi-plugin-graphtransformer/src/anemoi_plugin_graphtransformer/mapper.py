"""A graph transformer block from source nodes to target nodes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.mapper import Mapper
from anemoi_plugin_layers import (
    Activation,
    MLPImplementation,
    Norm,
    Normalisation,
    check_condition,
    run_in_chunks,
)
from annotated_types import Ge, Gt
from torch import Tensor, nn

from .block import Block, BlockOptions
from .edges import EdgeAttributes
from .incidence import Incidence


class GraphTransformerMapper(Mapper):
    """Each target node attends to the source nodes that its edges come from, then an MLP.

    Parameters
    ----------
    source, target, edges, source_channels, target_channels, channels, out_channels
        As for every :class:`~anemoi.core.interfaces.mapper.Mapper`.
    embed_source, embed_target, embed_out
        Whether a linear layer takes what comes in on a node to ``channels``, or from them to what leaves;
        null is where it is not ``channels`` already.
    normalise_out
        Whether the result is normalised before the linear layer from which it leaves.
    num_heads, attn_channels, qk_norm
        As for :class:`~.processor.GraphTransformerProcessor`.
    mlp_hidden_ratio, mlp_extra_layers, mlp_implementation, activation
        As for :class:`~.processor.GraphTransformerProcessor`.
    normalisation
        Of the states before the MLP, and of the result.
    attention_normalisation
        Of the states before the attention. The differences between neighbours that drive the weather are
        small beside the values, and would be blurred by dividing each node by a norm of its own.
    edge_attributes, trainable_size, edge_pre_mlp, condition_channels
        As for :class:`~.processor.GraphTransformerProcessor`.
    gradient_checkpointing
        Whether to compute the inside again for the gradient instead of keeping it.

    Raises
    ------
    ConfigError
        If options do not fit together, the graph or what comes in and leaves.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.CONDITION, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

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
        embed_source: bool | None = None,
        embed_target: bool | None = None,
        embed_out: bool | None = None,
        normalise_out: bool = False,
        num_heads: Annotated[int, Ge(1)] = 8,
        attn_channels: Annotated[int, Ge(1)] | None = None,
        qk_norm: bool = False,
        mlp_hidden_ratio: Annotated[float, Gt(0)] = 4.0,
        mlp_extra_layers: Annotated[int, Ge(0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        attention_normalisation: Normalisation = "none",
        edge_attributes: list[str] | None = None,
        trainable_size: Annotated[int, Ge(0)] = 0,
        edge_pre_mlp: bool = False,
        condition_channels: Annotated[int, Ge(0)] = 0,
        gradient_checkpointing: bool = False,
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
        self.condition_channels, self.gradient_checkpointing = condition_channels, gradient_checkpointing
        self.embed_source = _embedding("embed_source", embed_source, source_channels, channels)
        self.embed_target = _embedding("embed_target", embed_target, target_channels, channels)
        self.incidence = Incidence(
            edges=edges, num_sources=len(source), num_targets=len(target), heads=num_heads
        )
        self.edge_attributes = EdgeAttributes(edges, edge_attributes, trainable_size)
        options = BlockOptions(
            num_heads=num_heads,
            attn_channels=attn_channels,
            qk_norm=qk_norm,
            mlp_hidden_ratio=mlp_hidden_ratio,
            mlp_extra_layers=mlp_extra_layers,
            mlp_implementation=mlp_implementation,
            activation=activation,
            normalisation=normalisation,
            attention_normalisation=attention_normalisation,
            edge_pre_mlp=edge_pre_mlp,
            condition_channels=condition_channels,
        )
        self.block = Block(
            channels=channels, attributes=self.edge_attributes.size, options=options, bipartite=True
        )
        self.norm_out = Norm(channels, normalisation if normalise_out else "none")
        self.embed_out = _embedding("embed_out", embed_out, channels, out_channels)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`."""
        check_condition(condition, self.condition_channels)
        source, target = self.embed_source(source), self.embed_target(target)
        (target,) = run_in_chunks(
            nn.ModuleList([self.block]),
            (target,),
            condition,
            self.edge_attributes(),
            self.incidence.entries,
            source,
            num_chunks=1,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        return self.embed_out(self.norm_out(target))  # type: ignore[no-any-return]


def _embedding(option: str, wanted: bool | None, before: int, after: int) -> nn.Module:
    """Make a linear layer, or none, as the option of that name says."""
    if wanted is None:
        wanted = before != after
    if not wanted and before != after:
        raise ConfigError(
            f"{option}=false leaves {before} channels, but {after} are needed.",
            fix=f"Leave out {option}, or set it to true.",
        )
    return nn.Linear(before, after) if wanted else nn.Identity()
