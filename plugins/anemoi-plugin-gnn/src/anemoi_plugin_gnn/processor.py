"""A graph neural network over the hidden nodes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.processor import Processor
from anemoi_plugin_layers import (
    Activation,
    MLPImplementation,
    Normalisation,
    TrainableFeatures,
    check_chunks,
    check_condition,
    edge_features,
    hidden_channels,
    run_in_chunks,
)
from annotated_types import Ge, Gt
from torch import Tensor, nn

from .conv import GraphConv
from .edge_blocks import Backend
from .layer import GraphConvLayer
from .mlp import MLPOptions, NormedMLP
from .static import StaticGraphConv


class GNNProcessor(Processor):
    """Message passing along the edges between the hidden nodes.

    In each layer the edges are updated from the nodes at their ends, then the nodes from the sums of their
    edges; both keep a straight line from layer to layer. The states of edges begin as an MLP of their
    attributes, which is computed once for a forecast: in evaluation mode, without gradients, for as long as
    the weights stay what they are.

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    num_layers
        How many times messages are passed.
    num_chunks
        Into how many chunks the layers are cut for ``gradient_checkpointing``.
    mlp_hidden_ratio
        The width of the MLPs of nodes and of the embedding of edges, in units of ``channels``. That of
        the MLPs of edges, where the work is, is ``channels``.
    mlp_hidden_layers
        How many hidden layers each MLP has.
    mlp_extra_layers
        How many it has beyond these, as anemoi-models counts them.
    mlp_implementation
        ``mlp``, or the name of a gate.
    activation
        With ``mlp`` alone; null is ``gelu``.
    normalisation
        At the end of each MLP.
    edge_attributes
        Which attributes of the edges are looked at; null is all.
    trainable_size
        How many features are learnt for each edge.
    condition_channels
        How many conditions scale and shift the normalised states; 0 for none.
    gradient_checkpointing
        Whether only the states between chunks are kept for the gradient.
    backend
        ``blocks`` takes a block of edges at a time, ``torch`` all at once; ``auto`` is ``blocks`` on a CPU,
        and ``torch`` elsewhere or when compiled.
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
        nodes: Nodes,
        edges: Edges,
        channels: int,
        num_layers: Annotated[int, Ge(1)] = 4,
        num_chunks: Annotated[int, Ge(1)] = 1,
        mlp_hidden_ratio: Annotated[float, Gt(0)] = 1.0,
        mlp_hidden_layers: Annotated[int, Ge(1)] = 2,
        mlp_extra_layers: Annotated[int, Ge(0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        edge_attributes: list[str] | None = None,
        trainable_size: Annotated[int, Ge(0)] = 0,
        condition_channels: Annotated[int, Ge(0)] = 0,
        gradient_checkpointing: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        check_chunks(num_layers, num_chunks)
        self.num_chunks, self.gradient_checkpointing = num_chunks, gradient_checkpointing
        self.condition_channels = condition_channels
        features = edge_features(edges, edge_attributes)
        self.register_buffer("edge_source", edges.source, persistent=False)
        self.register_buffer("edge_target", edges.target, persistent=False)
        self.register_buffer("edge_features", features, persistent=False)
        self.trainable = TrainableFeatures(len(edges), trainable_size)
        hidden = hidden_channels(channels, mlp_hidden_ratio)
        hidden_layers = mlp_hidden_layers + mlp_extra_layers
        options = MLPOptions(hidden_layers, mlp_implementation, activation, normalisation)
        embed = NormedMLP(features.shape[1] + trainable_size, hidden, channels, options)
        self.layers = nn.ModuleList()
        for index in range(num_layers):
            conv = (GraphConv if index else StaticGraphConv)(
                channels,
                options,
                embed=None if index else embed,
                keep_edges=index < num_layers - 1,
                condition_channels=condition_channels,
                backend=backend,
            )
            self.layers.append(_Layer(conv, hidden, options))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layers were built for.
        """
        check_condition(condition, self.condition_channels)
        x, _ = run_in_chunks(
            self.layers,
            (x, self.trainable(self.edge_features)[None]),
            condition,
            self.edge_target,
            self.edge_source,
            num_chunks=self.num_chunks,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        return x


class _Layer(GraphConvLayer):
    """The same nodes at both ends."""

    def forward(  # type: ignore[override]
        self, x: Tensor, edges: Tensor, condition: Tensor | None, target: Tensor, source: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        return super().forward(x, x, edges, condition, target, source)
