"""Message passing from source nodes to target nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.mapper import Mapper
from anemoi_plugin_layers import (
    Activation,
    MLPImplementation,
    Normalisation,
    TrainableFeatures,
    check_condition,
    edge_features,
    hidden_channels,
)
from annotated_types import Ge, Gt
from torch import Tensor, nn

from .edge_blocks import Backend
from .layer import GraphConvLayer
from .mlp import MLPOptions, NormedMLP
from .nodes import NodeMLP
from .static import StaticGraphConv


class GNNMapper(Mapper):
    """Embeds both sets of nodes, sends one message along each edge, and updates the target nodes.

    What does not depend on the state, the edges and what the first layer makes of them, is computed once
    for a forecast: in evaluation mode, without gradients, for as long as the weights stay what they are.

    Parameters
    ----------
    source, target, edges, source_channels, target_channels, channels, out_channels
        As for every :class:`~anemoi.core.interfaces.mapper.Mapper`.
    embed_source, embed_target
        Whether nodes go through an MLP before messages are sent; null is where they do not come in with
        ``channels`` features.
    update_target
        Whether an MLP of itself is added to the state of each target node before messages reach it, as in
        GraphCast (Lam et al., "Learning skillful medium-range global weather forecasting", 2023).
    embed_out
        Whether the result goes through an MLP, without a normalisation; null is where it does not leave
        with ``channels`` features.
    mlp_hidden_ratio, mlp_hidden_layers, mlp_extra_layers, mlp_implementation, activation, normalisation
        As for :class:`~.processor.GNNProcessor`.
    edge_attributes, trainable_size, condition_channels, backend
        As for :class:`~.processor.GNNProcessor`.

    Raises
    ------
    ConfigError
        If nodes are not embedded whose features are not ``channels``.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.COMPILE, Capability.CONDITION, Capability.EXPORT, Capability.LINEAR_MEMORY}
    )

    edge_source: Tensor
    edge_target: Tensor
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
        embed_source: bool | None = None,
        embed_target: bool | None = None,
        update_target: bool = False,
        embed_out: bool | None = None,
        mlp_hidden_ratio: Annotated[float, Gt(0)] = 1.0,
        mlp_hidden_layers: Annotated[int, Ge(1)] = 2,
        mlp_extra_layers: Annotated[int, Ge(0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        edge_attributes: list[str] | None = None,
        trainable_size: Annotated[int, Ge(0)] = 0,
        condition_channels: Annotated[int, Ge(0)] = 0,
        backend: Backend = "auto",
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
        hidden = hidden_channels(channels, mlp_hidden_ratio)
        hidden_layers = mlp_hidden_layers + mlp_extra_layers
        options = MLPOptions(hidden_layers, mlp_implementation, activation, normalisation)
        features = edge_features(edges, edge_attributes)
        self.register_buffer("edge_source", edges.source, persistent=False)
        self.register_buffer("edge_target", edges.target, persistent=False)
        self.register_buffer("edge_features", features, persistent=False)
        self.trainable = TrainableFeatures(len(edges), trainable_size)
        self.embed_source = _mlp(
            "embed_source", embed_source, source_channels, hidden, channels, options, backend
        )
        self.embed_target = _mlp(
            "embed_target", embed_target, target_channels, hidden, channels, options, backend
        )
        self.update_target = (
            NodeMLP(channels, hidden, channels, options, residual=True, backend=backend)
            if update_target
            else nn.Identity()
        )
        conv = StaticGraphConv(
            channels,
            options,
            embed=NormedMLP(features.shape[1] + trainable_size, hidden, channels, options),
            keep_edges=False,
            condition_channels=condition_channels,
            backend=backend,
        )
        self.layer = GraphConvLayer(conv, hidden, options)
        without = replace(options, normalisation="none")
        self.embed_out = _mlp("embed_out", embed_out, channels, hidden, out_channels, without, backend)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layer was built for.
        """
        check_condition(condition, self.condition_channels)
        target, _ = self.layer(
            self.update_target(self.embed_target(target)),
            self.embed_source(source),
            self.trainable(self.edge_features)[None],
            condition,
            self.edge_target,
            self.edge_source,
        )
        return self.embed_out(target)  # type: ignore[no-any-return]


def _mlp(
    name: str,
    wanted: bool | None,
    before: int,
    hidden: int,
    after: int,
    options: MLPOptions,
    backend: Backend,
) -> nn.Module:
    if wanted is False and before != after:
        raise ConfigError(
            f"With {name}=false, {before} features cannot become {after}.", fix=f"Leave out {name}=false."
        )
    if before == after if wanted is None else not wanted:
        return nn.Identity()
    return NodeMLP(before, hidden, after, options, backend=backend)
