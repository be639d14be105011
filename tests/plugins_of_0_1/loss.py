"""The loss ``old-loss``."""

from __future__ import annotations

from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Loss
from torch import Tensor, nn


class OldLoss(Loss):
    """Huber's loss, weighted by cell area and by variable, averaged over batch and members.

    An error counts by its square up to ``delta`` and by its size beyond, so that single large errors do not
    rule the training (Huber, "Robust estimation of a location parameter", 1964).

    Parameters
    ----------
    node_weights, variable_weights
        As for every :class:`~anemoi.core.interfaces.loss.Loss`.
    delta
        Where the square ends, in units of the standard deviation of the change of each variable.

    Raises
    ------
    ConfigError
        If ``delta`` is not greater than zero.
    """

    node_weights: Tensor
    variable_weights: Tensor

    def __init__(self, *, node_weights: Tensor, variable_weights: Tensor, delta: float = 1.0) -> None:
        super().__init__(node_weights=node_weights, variable_weights=variable_weights)
        if not delta > 0:
            raise ConfigError(f"delta is {delta:g}.", fix="Choose one greater than zero.")
        self.delta = delta
        self.register_buffer("node_weights", node_weights, persistent=False)
        self.register_buffer("variable_weights", variable_weights, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :meth:`anemoi.core.interfaces.loss.Loss.forward`."""
        error = nn.functional.huber_loss(prediction, target, reduction="none", delta=self.delta)
        per_cell = error @ self.variable_weights  # (batch, ensemble, grid)
        return (per_cell @ self.node_weights).mean()
