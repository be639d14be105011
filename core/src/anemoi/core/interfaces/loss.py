"""What a training minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from .capability import Capability


class Loss(nn.Module, ABC):
    """Takes a prediction and the truth to one number, zero where they are equal and never negative.

    A subclass takes these keyword arguments, and its own options after them, each with a type and
    a default; the options are what a user writes under ``loss``.

    Parameters
    ----------
    node_weights
        ``(grid,)``, how much each cell counts; they sum to one.
    variable_weights
        ``(variable,)``, how much each variable counts; they sum to one.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; see :class:`.Capability`."""

    @abstractmethod
    def __init__(self, *, node_weights: Tensor, variable_weights: Tensor) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss.

        Parameters
        ----------
        prediction, target
            ``(batch, ensemble, grid, variable)``, in units of the standard deviation of each
            variable's change from one state to the next, so that a mean squared error of one is
            about that of forecasting no change.

        Returns
        -------
        Tensor
            A scalar.
        """
