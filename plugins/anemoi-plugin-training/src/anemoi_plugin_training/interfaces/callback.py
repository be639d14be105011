"""What may look at a training between its steps, change it, and end it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


@dataclass(frozen=True, eq=False)
class Moment:
    """A training between two of its operations.

    Parameters
    ----------
    step
        Which optimisation step it is, counted from one.
    steps
        How many there are.
    model
        That is trained: a :class:`~anemoi.core.model.ForecastModel`. Its parameters may change, but not be
        replaced. With ``training.sharded`` each is a ``DTensor``, of which a process has a part.
    optimisers
        As the :class:`.Optimiser` has built them. Learning rates are set anew before each step.
    generator
        The only source of random numbers: the same in every process and when a training goes on.
    """

    step: int
    steps: int
    model: nn.Module
    optimisers: Sequence[Optimizer]
    generator: torch.Generator


class Callback(ABC):  # noqa: B024 - whatever it does not define does nothing
    """Looks at a training between its steps, may change it, and may end it.

    A subclass takes its own options, each with a type and a default; they are what a user writes under
    ``callbacks.NAME``. All that it does must follow from its options, what it is shown and its state, so that
    a training goes on as if it had never been left, and every process does the same. A tracker is the place
    for what only looks: one that fails, or is slow, stops no training.

    Raises
    ------
    ConfigError
        If the options do not fit.
    """

    def before_step(self, moment: Moment) -> None:  # noqa: B027
        """Called when the gradients are there and clipped, before the optimisers take them; both may change.

        Parameters
        ----------
        moment
            The step that is about to be taken.
        """

    def after_step(self, moment: Moment, metrics: Mapping[str, float]) -> str | None:
        """Called when the weights have changed; they may change further.

        Parameters
        ----------
        moment
            The step that was taken.
        metrics
            What was recorded of it: ``loss``, ``learning_rate``, ``gradient_norm``, and ``validation_loss``
            and so on if it was validated.

        Returns
        -------
        str or None
            Why the training should end now; None if it should not. It ends as after its last step.
        """
        return None

    def state(self) -> dict[str, Any]:
        """All that it has to remember: numbers, text, tensors, lists, dictionaries; by default nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up the :meth:`state` of another with the same options."""
