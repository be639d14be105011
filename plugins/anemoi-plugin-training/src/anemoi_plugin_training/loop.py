"""The training loop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from anemoi.core.errors import AnemoiError
from anemoi.core.model import ForecastModel
from anemoi.core.times import format_date
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from .batches import batches
from .criterion import Criterion
from .descent import Descent
from .samples import Batch, Samples, normalised
from .settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimisation step that was taken.

    Parameters
    ----------
    number
        Counted from one.
    losses
        The loss of each forecast step.
    loss
        Their mean, which was minimised.
    learning_rate
        That of the step.
    gradient_norm
        Before it was clipped.
    """

    number: int
    losses: tuple[float, ...]
    loss: float
    learning_rate: float
    gradient_norm: float


class DivergedError(AnemoiError):
    """The loss or its gradient is no finite number; the weights are those before that step."""


class Optimisation:
    """A training under way: it can be left after any step, and another one goes on from its state.

    Parameters
    ----------
    model
        Trained in place.
    criterion
        The training loss.
    samples
        Those of each rollout in :func:`phases`.
    descent
        Changes the weights of the model.
    settings
        How to train.
    device
        Where.
    """

    def __init__(
        self,
        model: ForecastModel,
        criterion: Criterion,
        samples: Mapping[int, Samples],
        descent: Descent,
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        self.model, self.device = model.to(device).train(), device
        self.taken = 0
        """How many steps have been taken."""
        self.whole = True
        """False while a step changes the weights: a state would hold the half of it."""
        self._criterion, self._samples, self._settings = criterion.to(device), samples, settings
        self._generator = torch.Generator(device).manual_seed(settings.seed)
        self._descent = descent

    def steps(self) -> Iterator[Step]:
        """Take the steps that are left, and tell of each.

        Raises
        ------
        DivergedError
            If a loss or a gradient is not finite.
        """
        begin = 0
        for rollout, count in phases(self._settings):
            done = min(max(self.taken - begin, 0), count)
            begin += count
            if done == count:
                continue
            samples = self._samples[rollout]
            drawn = batches(
                samples,
                batch_size=self._settings.batch_size,
                seed=self._settings.seed,
                workers=self._settings.workers,
                skip=done,
            )
            for batch in itertools.islice(drawn, count - done):
                yield self._step(batch, samples)

    def _step(self, batch: Batch, samples: Samples) -> Step:
        before = self._generators()
        try:
            with repeatable(self.device):
                self.model.zero_grad(set_to_none=True)
                sample = normalised(self.model, batch, samples, self.device)
                losses = self.model.objective.loss(self.model, sample, self._criterion, self._generator)
                value = losses.mean()
                torch.autograd.backward(value)
                norm = clip_grad_norm_(self.model.parameters(), self._settings.gradient_clip)
                step = Step(
                    number=self.taken + 1,
                    losses=tuple(losses.tolist()),
                    loss=value.item(),
                    learning_rate=self._descent.learning_rate,
                    gradient_norm=norm.item(),
                )
                _check_finite(step, batch)
                self.whole = False
                self._descent.step()
        except BaseException:
            self._set_generators(before)  # so that the state is that before the step
            raise
        self.taken, self.whole = step.number, True
        return step

    def validated(self, loss: float) -> None:
        """Tell the schedule of a validation loss."""
        self._descent.schedule.validated(loss)

    def state(self) -> dict[str, Any]:
        """All that the steps to come depend on besides the weights, the data and the settings."""
        return {
            "step": self.taken,
            "descent": self._descent.state_dict(),
            "generators": self._generators(),
        }

    def restore(self, state: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Go on from a state, with the weights of that moment."""
        self.model.load_state_dict(dict(weights))
        self.taken = int(state["step"])
        self._descent.load_state_dict(state["descent"])
        self._set_generators(state["generators"])

    def _generators(self) -> dict[str, Tensor]:
        """The states of all random numbers: those of the objective, and those of layers, such as dropout."""
        states = {"objective": self._generator.get_state(), "cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def _set_generators(self, states: Mapping[str, Tensor]) -> None:
        if states["objective"].shape == self._generator.get_state().shape:  # a GPU's is of another kind
            self._generator.set_state(states["objective"])
        torch.set_rng_state(states["cpu"])
        if self.device.type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self.device)


def _check_finite(step: Step, batch: Batch) -> None:
    if math.isfinite(step.loss) and math.isfinite(step.gradient_norm):
        return
    of = "loss" if not math.isfinite(step.loss) else "norm of the gradient"
    value = step.loss if not math.isfinite(step.loss) else step.gradient_norm
    dates = ", ".join(format_date(start) for start in batch.starts)
    raise DivergedError(
        f"The {of} is {value} at step {step.number}, whose samples begin at {dates}.",
        fix="Lower training.learning_rate, or raise training.warmup_steps. If that does not help, look at "
        "the data of these dates.",
    )


def phases(settings: TrainingSettings) -> list[tuple[int, int]]:
    """List the rollouts that are trained, one after another, and for how many optimisation steps each."""
    last = min(settings.steps, settings.rollout_steps)
    return [(1, settings.steps - last), (settings.rollout, last)]


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Ask for operations that give the same bits each time, on CPU, where they cost nothing."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or device.type == "cpu", warn_only=not before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
