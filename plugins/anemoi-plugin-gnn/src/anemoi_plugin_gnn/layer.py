"""One layer of the network: edges, then nodes."""

from __future__ import annotations

from torch import Tensor, nn

from .conv import GraphConv
from .mlp import MLPOptions
from .nodes import NodeMLP


class GraphConvLayer(nn.Module):
    """Updates the states of edges from the nodes at their ends, then those of the target nodes.

    A target node becomes ``target + MLP([target, sum of its edges])``.

    Parameters
    ----------
    conv
        What updates the edges.
    hidden_channels
        The width of the MLP of nodes.
    options
        Of that MLP.
    """

    def __init__(self, conv: GraphConv, hidden_channels: int, options: MLPOptions) -> None:
        super().__init__()
        self.conv = conv
        self.node_mlp = NodeMLP(
            2 * conv.channels,
            hidden_channels,
            conv.channels,
            options,
            condition_channels=conv.condition_channels,
            residual=True,
            backend=conv.backend,
        )

    def forward(
        self,
        target_state: Tensor,
        source_state: Tensor,
        edges: Tensor,
        condition: Tensor | None,
        target: Tensor,
        source: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """Pass messages, as :meth:`.GraphConv.forward` takes them.

        Returns
        -------
        Tensor, Tensor or None
            The new states of the target nodes, ``(batch, target nodes, channels)``, and those of the edges.
        """
        new_edges, summed = self.conv(edges, target_state, source_state, condition, target, source)
        return self.node_mlp(target_state, condition, beside=summed), new_edges
