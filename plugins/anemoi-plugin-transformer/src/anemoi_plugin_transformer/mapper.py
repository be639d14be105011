"""Attention along the edges of a graph, from source nodes to target nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.mapper import Mapper
from anemoi_plugin_layers import (
    MLP,
    Activation,
    MLPImplementation,
    Norm,
    Normalisation,
    TrainableFeatures,
    add_mlp,
    check_condition,
    edge_features,
    hidden_channels,
)
from pydantic import Field
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .edge_attention import EdgeAttention
from .older import MAPPER, OlderWeights


class TransformerMapper(OlderWeights, Mapper):
    """Each target node attends to the source nodes that its edges come from, then an MLP.

    Features of the edges are added to keys and values, so that near and far, east and west count
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
        How many attention heads; they share ``attn_channels`` evenly.
    attn_channels
        The width of queries, keys and values, all heads together; null is ``channels``.
    qk_norm
        Whether queries and keys are normalised, each head by itself (Henry et al., "Query-key
        normalization for transformers", 2020).
    softcap
        Scores are kept below this: ``softcap tanh(score / softcap)`` (Gemma Team, "Gemma 2", 2024); null
        leaves them.
    dropout_p
        How likely a weight of the attention is dropped in training.
    edge_attributes
        Which attributes of the edges are looked at; null is all there are.
    trainable_size
        How many features are learnt for each edge besides; with any, weights fit this graph alone.
    mlp_hidden_ratio
        The width of the MLP, in units of ``channels``.
    mlp_extra_layers
        How many hidden layers the MLP has beyond one.
    mlp_implementation
        An MLP with an activation, or a gated one.
    activation
        Of a plain MLP, gelu if null; a gated one takes none.
    normalisation
        What the MLP sees of the state.
    condition_channels
        How many conditions scale and shift what the MLP sees; 0 for none.
    gradient_checkpointing
        Whether to keep only what comes in for the gradient, and compute the rest again.

    Raises
    ------
    ConfigError
        If options contradict each other, or the edges lack an attribute.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.CONDITION, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

    older: ClassVar[Mapping[str, str]] = MAPPER

    edge_features: Tensor

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
        num_heads: Annotated[int, Field(ge=1)] = 4,
        attn_channels: Annotated[int, Field(ge=1)] | None = None,
        qk_norm: bool = False,
        softcap: Annotated[float, Field(gt=0)] | None = None,
        dropout_p: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        edge_attributes: Sequence[str] | None = None,
        trainable_size: Annotated[int, Field(ge=0)] = 0,
        mlp_hidden_ratio: Annotated[float, Field(gt=0)] = 4.0,
        mlp_extra_layers: Annotated[int, Field(ge=0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        condition_channels: Annotated[int, Field(ge=0)] = 0,
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
        self.condition_channels = condition_channels
        self.gradient_checkpointing = gradient_checkpointing
        features = edge_features(edges, edge_attributes)
        self.register_buffer("edge_features", features, persistent=False)
        self.trainable = TrainableFeatures(len(edges), trainable_size)
        self.embed_source = nn.Linear(source_channels, channels)
        self.embed_target = nn.Linear(target_channels, channels)
        self.attention = EdgeAttention(
            edges=edges,
            edge_channels=features.shape[1] + trainable_size,
            channels=channels,
            attn_channels=channels if attn_channels is None else attn_channels,
            heads=num_heads,
            qk_norm=qk_norm,
            softcap=softcap,
            dropout_p=dropout_p,
        )
        self.norm_mlp = Norm(channels, normalisation, condition_channels=condition_channels)
        self.mlp = MLP(
            channels,
            hidden_channels(channels, mlp_hidden_ratio),
            channels,
            extra_layers=mlp_extra_layers,
            implementation=mlp_implementation,
            activation=activation,
        )
        self.out = nn.Linear(channels, out_channels)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`."""
        check_condition(condition, self.condition_channels)
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(self._map, source, target, condition, use_reentrant=False)  # type: ignore[no-any-return]
        return self._map(source, target, condition)

    def _map(self, source: Tensor, target: Tensor, condition: Tensor | None) -> Tensor:
        source, target = self.embed_source(source), self.embed_target(target)
        target = target + self.attention(source, target, self.trainable(self.edge_features))
        target = add_mlp(target, self.norm_mlp, self.mlp, condition)
        return self.out(target)  # type: ignore[no-any-return]
