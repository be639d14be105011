"""How the gradient changes the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import nn
from torch.optim import Optimizer


class Optimiser(ABC):
    """Makes the torch optimisers that train the parameters of a model together.

    A subclass takes ``learning_rate`` and ``weight_decay``, and its own options after them, each with a type
    and a default; the options are what a user writes under ``optimiser``. The learning rate of every group is
    set before each step, from the one that it began with and a :class:`.Schedule`.

    Parameters
    ----------
    learning_rate
        The highest.
    weight_decay
        By convention on matrices, not on biases and the scales of norms: see :func:`.decaying`.

    Raises
    ------
    ConfigError
        If the options do not fit.
    """

    @abstractmethod
    def __init__(self, *, learning_rate: float, weight_decay: float) -> None: ...

    @abstractmethod
    def build(self, parameters: Mapping[str, nn.Parameter]) -> list[Optimizer]:
        """Make the optimisers.

        Parameters
        ----------
        parameters
            Those to train, by name, in the order of the model.

        Returns
        -------
        list[Optimizer]
            Fresh ones. Each parameter is in exactly one group of one of them, and each group has the learning
            rate that was given. Their ``step`` takes no closure; ``state_dict`` and ``load_state_dict`` carry
            all that a step depends on, so that a training goes on with the same numbers.
        """
