"""A training in a directory of its own: it records, validates, saves, and leaves when it must."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.model import ForecastModel
from anemoi.core.plugins import Broadcast

from .batches import reader_killed, settled
from .engine import Engine
from .leaving import InterruptedTraining, Leaving
from .loop import DivergedError, Optimisation, Step
from .saving import BEST, Checkpoints, SavingError, newest
from .settings import CheckpointSettings, ValidationSettings
from .validation import Validation

log = logging.getLogger("anemoi")

OnStep = Callable[[Step], None]
"""Told of each optimisation step that was taken."""


@dataclass
class Sums:
    """What the loop keeps from step to step besides the optimisation.

    Parameters
    ----------
    epoch_loss, epoch_steps
        The sum of the losses since the epoch began, and of how many steps.
    best, best_step
        The lowest cost of the metric of validations, and the step it was reached at.
    worse
        How many validations have been worse since.
    """

    epoch_loss: float = 0.0
    epoch_steps: int = 0
    best: float | None = None
    best_step: int = 0
    worse: int = 0


class Execution:
    """Takes the steps of a training, and does what belongs between them.

    Parameters
    ----------
    directory
        That of the run.
    optimisation
        The training.
    validation, test
        How it is validated, and tested at its end; None if it is not.
    checkpoints
        Where it is saved.
    events
        Who hears of it.
    leaving
        Tells when to leave.
    steps
        How many to take in all.
    steps_per_epoch
        How many see all samples once.
    saving, validating
        How often.
    origin
        What identifies the data: a state goes on with the same alone.
    engine
        Where it computes.
    """

    def __init__(
        self,
        *,
        directory: Path,
        optimisation: Optimisation,
        validation: Validation | None,
        test: Validation | None,
        checkpoints: Checkpoints,
        events: Broadcast,
        leaving: Leaving,
        steps: int,
        steps_per_epoch: int,
        saving: CheckpointSettings,
        validating: ValidationSettings,
        origin: Mapping[str, Any],
        engine: Engine,
    ) -> None:
        self._directory, self._run = directory, directory.name
        self._optimisation, self._validation, self._test = optimisation, validation, test
        self._checkpoints, self._events, self._leaving = checkpoints, events, leaving
        self._steps, self._steps_per_epoch = steps, steps_per_epoch
        self._saving, self._validating, self._origin, self._engine = saving, validating, origin, engine
        self._sums = Sums()
        self._saved = time.monotonic()

    @property
    def _model(self) -> ForecastModel:
        return self._optimisation.model

    def restore(self) -> None:
        """Go on from the newest state in the directory; from the beginning if there is none yet.

        Raises
        ------
        AnemoiError
            If it is of other data, or cannot be read.
        """
        found = newest(self._directory, clean=self._engine.rank == 0)
        if found is None:
            return
        tree, weights = found
        if tree["origin"] != self._origin:
            changed = [key for key in self._origin if tree["origin"].get(key) != self._origin[key]]
            raise AnemoiError(
                "The training cannot go on: the data differ from those that it began with "
                f"({', '.join(changed)}).",
                fix="Give it the same data, or begin a new training.",
            )
        self._optimisation.restore(tree["optimisation"], weights)
        self._sums = Sums(**tree["sums"])

    def run(self, parameters: Mapping[str, Any], on_step: OnStep) -> Path:
        """Take the steps that are left.

        Parameters
        ----------
        parameters
            Of the run, for those who hear of it.
        on_step
            Told of each step.

        Returns
        -------
        Path
            The checkpoint.

        Raises
        ------
        InterruptedTraining
            If it had to leave; its state is saved.
        AnemoiError
            If the loss is not finite, a sample cannot be read or a checkpoint cannot be saved; the state
            before the step is saved.
        """
        self._events.send("training_started", run=self._run, parameters=parameters)
        callbacks, status = self._optimisation.callbacks, "failed"
        try:
            if self._engine.rank == 0:
                callbacks.start(self._directory, self._record)
            self._train(on_step)
            path = self._checkpoints.save_last(self._optimisation.weights())
            if self._sums.best is not None:
                self._events.send("checkpoint_saved", run=self._run, path=self._directory / BEST)
            self._events.send("checkpoint_saved", run=self._run, path=path)
            status = "finished"
            return path
        except (KeyboardInterrupt, InterruptedTraining):
            status = "interrupted"
            raise
        finally:
            try:
                if self._engine.rank == 0:
                    callbacks.finish(status)
            finally:
                self._events.send("training_finished", run=self._run, status=status)

    def _train(self, on_step: OnStep) -> None:
        self._leave_if_asked(False)
        try:
            for step in self._optimisation.steps():
                done = self._after(step)
                on_step(step)
                if done:
                    return
                self._checkpoints.check()
                if self._leave_if_asked(self._is_due(step.number)):
                    self._save()
        except DivergedError as error:
            raise DivergedError(f"{error.what} {self._keep()}", fix=error.fix) from error
        except (SavingError, InterruptedTraining):
            raise
        except Exception as raised:
            cause = settled(raised)
            # One of several processes cannot save without the others, which know nothing of the error.
            if self._optimisation.whole and self._engine.world == 1:
                log.warning(self._keep())
            if (killed := reader_killed(cause)) is not None:
                raise killed from cause
            raise

    def _after(self, step: Step) -> bool:
        """Record a step, and validate if it is time; whether the training is over."""
        length, sums = next(iter(self._model.steps.values())).step, self._sums
        metrics = step.metrics(length)
        last = step.number == self._steps
        validating = self._validating
        due = last or self._is_turn(step.number, validating.every_steps, validating.every_epochs)
        if self._validation is not None and due:
            metrics.update(self._validated(step.number, self._validation))
        patience = validating.patience
        over = (
            self._is_ended(step.number, metrics) or last or (patience is not None and sums.worse >= patience)
        )
        if over and self._test is not None:
            with self._optimisation.forecasting():
                metrics.update(self._test())
        self._events.send("training_step", run=self._run, step=step.number, metrics=metrics)
        sums.epoch_loss, sums.epoch_steps = sums.epoch_loss + step.loss, sums.epoch_steps + 1
        if step.number % self._steps_per_epoch == 0:
            epoch = step.number // self._steps_per_epoch
            mean = {"loss": sums.epoch_loss / sums.epoch_steps}
            self._events.send("training_epoch", run=self._run, epoch=epoch, metrics=mean)
            sums.epoch_loss, sums.epoch_steps = 0.0, 0
        return over

    def _record(self, path: Path) -> None:
        """Give the trackers a file that a callback has left."""
        self._events.send("file_saved", run=self._run, path=path)

    def _is_ended(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Whether a callback ends the training after a step."""
        callbacks = self._optimisation.callbacks
        if not callbacks:
            return False
        reason = callbacks.after_step(step, metrics)
        (ended,) = self._engine.any([reason is not None])
        if ended and step < self._steps:
            log.warning("The training ends after step %d. %s", step, reason or "Another process says so.")
        return ended

    def _validated(self, step: int, validation: Validation) -> dict[str, float]:
        sums = self._sums
        with self._optimisation.forecasting():
            metrics = validation(partial(self._optimisation.callbacks.validated, step))
        metric = self._validating.metric
        if (value := metrics.get(metric)) is None:
            raise DataError(
                f"training.validation.metric: the validation period has no truth for {metric}.",
                fix="Choose another metric, or other dates.validation.",
            )
        cost = validation.cost(metric, value)
        self._optimisation.validated(cost)
        if math.isfinite(cost) and (sums.best is None or cost < sums.best):
            sums.best, sums.best_step, sums.worse = cost, step, 0
            self._checkpoints.save_best(self._optimisation.weights())
        else:
            sums.worse += 1
        return metrics

    def _is_due(self, step: int) -> bool:
        saving, minutes = self._saving, self._saving.every_minutes
        return self._is_turn(step, saving.every_steps, saving.every_epochs) or (
            minutes is not None and time.monotonic() - self._saved >= 60 * minutes
        )

    def _is_turn(self, step: int, every_steps: int | None, every_epochs: int | None) -> bool:
        lengths = (every_steps, None if every_epochs is None else every_epochs * self._steps_per_epoch)
        return any(length is not None and step % length == 0 for length in lengths)

    def _save(self) -> Path:
        self._saved = time.monotonic()
        tree = {
            "optimisation": self._optimisation.state(),
            "sums": vars(self._sums),
            "origin": self._origin,
        }
        return self._checkpoints.save(self._optimisation.taken, self._optimisation.weights(), tree)

    def _leave_if_asked(self, due: bool) -> bool:
        """Leave if any process should; else say whether any of them finds it time to save."""
        reason = self._leaving.reason
        leaves, due = self._engine.any([reason is not None, due])
        if leaves:
            self._leave(reason or "a signal to another process")
        return due

    def _leave(self, reason: str) -> None:
        self._save()
        self._checkpoints.wait()
        raise InterruptedTraining(
            f"The training has left at {reason}, after {self._optimisation.taken} of {self._steps} steps. "
            "Its state is saved.",
            fix=f"To go on: anemoi train --resume {self._directory}",
        )

    def _keep(self) -> str:
        """Save the state of before a step that failed, and say where it is."""
        path = self._save()
        self._checkpoints.wait()
        return f"The state before that step, after {self._optimisation.taken}, is kept in {path}."
