"""The training loop."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from anemoi.core.errors import AnemoiError
from anemoi.core.model import ForecastModel
from anemoi.core.steps import Offset
from anemoi.core.times import format_date, format_duration
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm

from .averaging import Average
from .batches import batches
from .calling import Callbacks
from .criterion import Criterion
from .descent import Descent
from .engine import Engine
from .parts import BACKWARD, CLIPPING, DATA, FORWARD, INPUTS, OPTIMISER, part
from .samples import Batch, Samples, normalised
from .settings import TrainingSettings
from .sharding import assign, whole, whole_tree


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
        Before it was clipped. Where it is not finite, the loss was scaled too much, and no weight changed.
    scale
        Of the loss, in float16.
    waiting
        The share of its time that was spent waiting for data, the mean over all processes.
    """

    number: int
    losses: tuple[float, ...]
    loss: float
    learning_rate: float
    gradient_norm: float
    scale: float | None = None
    waiting: float = field(default=0.0, compare=False)

    def metrics(self, length: Offset) -> dict[str, float]:
        """What is recorded of it; ``length`` is that of a forecast step."""
        found = {"loss": self.loss, "learning_rate": self.learning_rate}
        if math.isfinite(self.gradient_norm):
            found["gradient_norm"] = self.gradient_norm
        if self.scale is not None:
            found["loss_scale"] = self.scale
        found["data_wait"] = round(self.waiting, 4)
        if len(self.losses) > 1:
            for number, loss in enumerate(self.losses, 1):
                found[f"loss_{format_duration(number * length)}"] = loss
        return found


class DivergedError(AnemoiError):
    """The loss or its gradient is no finite number; the weights are those before that step."""


class Optimisation:
    """A training under way: it can be left after any step, and another one goes on from its state.

    Parameters
    ----------
    model
        Trained in place.
    forward
        The same, as :func:`.parallelise` gives it.
    criterion
        The training loss.
    samples
        Those of each rollout in :func:`phases`.
    descent
        Changes the weights of the model.
    callbacks
        Look at it between its steps.
    settings
        How to train.
    engine
        Where.
    """

    def __init__(
        self,
        model: ForecastModel,
        forward: nn.Module,
        criterion: Criterion,
        samples: Mapping[int, Samples],
        descent: Descent,
        callbacks: Callbacks,
        settings: TrainingSettings,
        engine: Engine,
    ) -> None:
        self.model, self._engine, self.device = model.train(), engine, engine.device
        self.taken = 0
        """How many steps have been taken."""
        self.whole = True
        """False while a step changes the weights: a state would hold the half of it."""
        self._criterion, self._samples, self._settings = criterion.to(self.device), samples, settings
        self._generator = torch.Generator(self.device).manual_seed(settings.seed + engine.part[0])
        self._forward = forward
        if engine.rank:
            torch.manual_seed(
                settings.seed + engine.rank
            )  # what layers draw differs, as samples or members do
        self._descent, self.callbacks = descent, callbacks
        self._average = None if settings.ema is None else Average(self.model, settings.ema)

    def steps(self) -> Iterator[Step]:
        """Take the steps that are left, and tell of each.

        Raises
        ------
        DivergedError
            If a loss or a gradient is not finite.
        """
        begin, each = 0, self._settings.accumulate
        epoch = steps_per_epoch(self._samples, self._settings, self._engine)
        for rollout, count in phases(self._settings, epoch):
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
                skip=done * each,
                part=self._engine.part,
                blocks=self._settings.blocks,
            )
            for _ in range(count - done):
                began = time.perf_counter()
                with part(DATA):
                    parts = list(itertools.islice(drawn, each))
                yield self._step(parts, samples, began, time.perf_counter() - began)

    def _step(self, parts: Sequence[Batch], samples: Samples, began: float, waited: float) -> Step:
        """Take a step that began, by the clock, with waiting so many seconds for its batches."""
        before = self._generators()
        try:
            with repeatable(self.device):
                self.model.zero_grad(set_to_none=True)
                told = [
                    self._differentiate(batch, samples, last=batch is parts[-1], share=1 / len(parts))
                    for batch in parts
                ]
                means = [sum(each) / len(told) for each in zip(*told, strict=True)]
                waited, loss, *losses = self._engine.mean([waited, *means])
                scale = self._engine.scale
                with part(CLIPPING):
                    norm = self._clip()
                step = Step(
                    number=self.taken + 1,
                    losses=tuple(losses),
                    loss=loss,
                    learning_rate=self._descent.learning_rate,
                    scale=scale,
                    gradient_norm=norm,
                )
                _check_finite(step, parts)
                self.whole = False
                with part(OPTIMISER):
                    self._change_weights(step)
        except BaseException:
            self._set_generators(before)  # so that the state is that before the step
            raise
        self.taken, self.whole = step.number, True
        return replace(step, waiting=waited / (time.perf_counter() - began))

    def _change_weights(self, step: Step) -> None:
        if not math.isfinite(step.gradient_norm):
            self._descent.step(self._engine.leave_out)
            return
        self.callbacks.before_step(step.number)
        self._descent.step(self._engine.take)
        if self._average is not None:
            self._average.update(self.model)

    def validated(self, cost: float) -> None:
        """Tell the schedule of a validation."""
        self._descent.schedule.validated(cost)

    def _differentiate(self, batch: Batch, samples: Samples, *, last: bool, share: float) -> list[float]:
        """Add the gradient of one batch; gives its loss and that of each forecast step."""
        with part(INPUTS):
            sample = normalised(self.model, batch, samples, self.device)

        def loss(model: ForecastModel) -> Tensor:
            return model.objective.loss(model, sample, self._criterion, self._generator)

        with self._engine.alone(self._forward, not last):
            with part(FORWARD):
                losses = self._forward(loss)  # (steps,)
                value = losses.mean()
            with part(BACKWARD):
                self._engine.backward(value * share if share < 1 else value)
        return [value.item(), *losses.tolist()]

    def _clip(self) -> float:
        """Bound the gradient; gives its norm before that."""
        parameters = self._descent.trained()
        self._engine.unscale(self._descent.optimisers)
        bound = self._settings.gradient_clip
        if self._settings.gradient_clip_by == "norm":
            return whole(clip_grad_norm_(parameters, bound)).item()
        norm = get_total_norm([each.grad for each in parameters if each.grad is not None])
        clip_grad_value_(parameters, bound)
        return whole(norm).item()

    def forecasting(self) -> AbstractContextManager[None]:
        """Within it the model has the weights that forecasts are made with: the average, if there is one."""
        return nullcontext() if self._average is None else self._average.lent_to(self.model)

    def weights(self) -> dict[str, Tensor]:
        """Copies on CPU of the weights that forecasts are made with.

        Every process must ask for them at the same step.
        """
        averages = {} if self._average is None else self._average.weights
        return {
            name: _single(whole(averages.get(name, each).detach())).cpu().clone()
            for name, each in self.model.state_dict().items()
        }

    def state(self) -> dict[str, Any]:
        """All that the steps to come depend on besides :meth:`weights`, the data and the settings.

        Every process must ask for it at the same step.
        """
        average = self._average
        trained = {} if average is None else dict(self.model.named_parameters())
        return {
            "average": None
            if average is None
            else {
                "steps": average.steps,
                "trained": {name: whole(trained[name].detach()) for name in average.weights},
            },
            "engine": self._engine.state(),
            "callbacks": whole_tree(self.callbacks.state()),
            "step": self.taken,
            "descent": whole_tree(self._descent.state_dict()),
            "generators": {name: self._engine.of_all(each) for name, each in self._generators().items()},
        }

    def restore(self, state: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Go on from a state, with the :meth:`weights` of that moment."""
        average = state.get("average")
        known = {**weights, **(average["trained"] if average else {})}
        for name, each in self.model.state_dict().items():
            assign(each, known[name])
        if self._average is not None and average:
            self._average.steps = int(average["steps"])
            for name, each in self._average.weights.items():
                assign(each, weights[name])
        self._engine.restore(state.get("engine", {}))
        if "callbacks" in state:
            self.callbacks.restore(state["callbacks"])
        self.taken = int(state["step"])
        self._descent.load_state_dict(state["descent"])
        generators, world = state["generators"], self._engine.world
        if (began := len(generators["cpu"])) != world:
            raise AnemoiError(
                f"The training began with {began} processes, and cannot go on with {world}.",
                fix=f"Start {began}.",
            )
        # A copy, because PyTorch reads the state of a generator from where the storage of a tensor begins.
        self._set_generators({name: each[self._engine.rank].clone() for name, each in generators.items()})

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


def _check_finite(step: Step, parts: Sequence[Batch]) -> None:
    scaled = step.scale is not None and step.scale >= 1  # it will be lowered, and the step is left out
    if math.isfinite(step.loss) and (math.isfinite(step.gradient_norm) or scaled):
        return
    of = "loss" if not math.isfinite(step.loss) else "norm of the gradient"
    value = step.loss if not math.isfinite(step.loss) else step.gradient_norm
    dates = ", ".join(format_date(start) for batch in parts for start in batch.starts)
    raise DivergedError(
        f"The {of} is {value} at step {step.number}, whose samples begin at {dates}.",
        fix="Lower training.learning_rate, or raise training.warmup_steps. If that does not help, look at "
        "the data of these dates.",
    )


def _single(weight: Tensor) -> Tensor:
    """A weight as a checkpoint has it: in single precision."""
    return weight.float() if weight.dtype in (torch.bfloat16, torch.float16) else weight


def steps_per_epoch(samples: Mapping[int, Samples], settings: TrainingSettings, engine: Engine) -> int:
    """How many optimisation steps see each sample of the shortest rollout once."""
    return settings.steps_per_epoch(len(samples[min(samples)]), engine.part[1])


def phases(settings: TrainingSettings, steps_per_epoch: int = 1) -> list[tuple[int, int]]:
    """List the rollouts that are trained, one after another, and for how many optimisation steps each.

    Parameters
    ----------
    steps_per_epoch
        Which decides for how many steps, but not which rollouts.
    """
    left = min(settings.steps, settings.rollout_steps)
    first = min(settings.rollout_start, settings.rollout)
    found = [(first, settings.steps - left)]
    every = settings.rollout_every
    if settings.rollout_every_epochs is not None:
        every = settings.rollout_every_epochs * steps_per_epoch
    if every is not None:
        for rollout in range(first + 1, settings.rollout):
            found.append((rollout, min(every, left)))
            left -= found[-1][1]
    return [*found, (settings.rollout, left)]


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Ask for operations that give the same bits each time, on CPU, where they cost nothing."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or device.type == "cpu", warn_only=not before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
