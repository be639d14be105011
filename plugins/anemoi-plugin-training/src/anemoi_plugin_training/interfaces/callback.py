"""What may look at a training between its steps, change it, and end it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anemoi.core.domain import Domain
from torch import Tensor, nn
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


@dataclass(frozen=True, eq=False)
class ValidationState:
    """A state that a validation has forecast, beside the truth, both in the units of the data.

    Parameters
    ----------
    name
        Of its domain.
    domain
        What the fields are of: ``domain.outputs``, on ``domain.grid``.
    start
        When the forecast starts.
    lead_time
        How long after that the state is valid.
    forecast
        ``(ensemble, grid, outputs)``, where the model is.
    truth
        ``(ensemble, grid, outputs)``, one member where that is the truth of all; NaN where there is none.
    metrics
        For each output, what its error over all dates is called among the metrics of the step:
        ``validation_rmse_2t_6h``. One of which there is no truth is not among them.
    """

    name: str
    domain: Domain
    start: np.datetime64
    lead_time: np.timedelta64
    forecast: Tensor
    truth: Tensor
    metrics: Mapping[str, str]


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

    def start(self, directory: Path, record: Callable[[Path], None]) -> None:  # noqa: B027
        """Called before the first step, in the one process that writes.

        Parameters
        ----------
        directory
            That of the run, which a callback may leave files in.
        record
            Gives the trackers such a file, once it is whole. It is called from this thread alone.
        """

    def before_step(self, moment: Moment) -> None:  # noqa: B027
        """Called when the gradients are there and clipped, before the optimisers take them; both may change.

        Parameters
        ----------
        moment
            The step that is about to be taken.
        """

    def validated(self, moment: Moment, state: ValidationState) -> None:  # noqa: B027
        """Called for each state that a validation forecasts, before :meth:`after_step` of its step.

        States come date by batch of dates, the same dates in the same order each time, without gradients.

        Parameters
        ----------
        moment
            The step that was taken.
        state
            The state, not to be changed.
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

    def finish(self, status: str) -> None:  # noqa: B027
        """Called where :meth:`start` was, when the training ends or leaves, before its trackers finish.

        Parameters
        ----------
        status
            ``finished``, ``failed`` or ``interrupted``; a batch system kills the last after half a minute.
        """

    def state(self) -> dict[str, Any]:
        """All that it has to remember: numbers, text, tensors, lists, dictionaries; by default nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up the :meth:`state` of another with the same options."""
