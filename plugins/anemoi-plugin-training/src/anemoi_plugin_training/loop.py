"""The training loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from anemoi.core.interfaces.loss import Loss
from anemoi.core.model import ForecastModel
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from .batches import batches
from .optimiser import optimisers, warmup_cosine
from .samples import Samples
from .settings import TrainingSettings


def optimise(
    model: ForecastModel,
    loss: Loss,
    samples: Mapping[int, Samples],
    settings: TrainingSettings,
    device: torch.device,
) -> Iterator[float]:
    """Train a model in place; yields the loss of each optimisation step.

    Parameters
    ----------
    samples
        Those of each rollout in :func:`phases`.
    """
    model.to(device).train()
    loss.to(device)
    together = optimisers(model, settings)
    schedules = [warmup_cosine(optimiser, settings) for optimiser in together]
    for rollout, steps in phases(settings):
        drawn = batches(
            samples[rollout],
            batch_size=settings.batch_size,
            seed=settings.seed,
            workers=settings.workers,
        )
        for states, forcings in itertools.islice(drawn, steps):
            with _repeatable(device):
                model.zero_grad(set_to_none=True)
                # Fields come as they lie on disk; turned here, by all threads or by the GPU, they cost least.
                normalised = model.normalise(states.to(device)).contiguous()
                value = rollout_loss(model, loss, normalised, forcings.to(device))
                torch.autograd.backward(value)
                clip_grad_norm_(model.parameters(), settings.gradient_clip)
                for optimiser, schedule in zip(together, schedules, strict=True):
                    optimiser.step()
                    schedule.step()
            yield value.item()


def phases(settings: TrainingSettings) -> list[tuple[int, int]]:
    """List the rollouts that are trained, one after another, and for how many optimisation steps each."""
    last = min(settings.steps, settings.rollout_steps)
    return [(1, settings.steps - last), (settings.rollout, last)]


def rollout_loss(model: ForecastModel, loss: Loss, states: Tensor, forcings: Tensor) -> Tensor:
    """Average the loss of some forecast steps, each made from the states before it.

    Parameters
    ----------
    states
        ``(batch, model.input_steps + steps, ensemble, grid, variable)``, normalised.
    forcings
        ``(batch, steps, grid, forcing)``, at the last of the states that each step is made from.
    """
    window, truths = states[:, : model.input_steps], states[:, model.input_steps :]
    total = states.new_zeros(())
    for known, truth in zip(forcings.unbind(1), truths.unbind(1), strict=True):
        prediction = model(window, known)  # (batch, ensemble, grid, variable)
        total = total + loss(prediction / model.tendency_scale, truth / model.tendency_scale)
        window = torch.cat([window[:, 1:], prediction[:, None]], dim=1)
    return total / truths.shape[1]


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Ask for operations that give the same bits each time, on CPU, where they cost nothing."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or device.type == "cpu", warn_only=not before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
