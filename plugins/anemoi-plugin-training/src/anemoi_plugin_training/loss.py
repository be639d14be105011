"""The loss that is trained on unless another is named."""

from __future__ import annotations

from anemoi.core.interfaces.loss import Loss
from torch import Tensor


class WeightedMSE(Loss):
    """Mean squared error, weighted by cell area and by variable, averaged over batch and members."""

    node_weights: Tensor
    variable_weights: Tensor

    def __init__(self, *, node_weights: Tensor, variable_weights: Tensor) -> None:
        super().__init__(node_weights=node_weights, variable_weights=variable_weights)
        self.register_buffer("node_weights", node_weights, persistent=False)
        self.register_buffer("variable_weights", variable_weights, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :meth:`anemoi.core.interfaces.loss.Loss.forward`."""
        error = (prediction - target).square() @ self.variable_weights  # (batch, ensemble, grid)
        return (error @ self.node_weights).mean()
