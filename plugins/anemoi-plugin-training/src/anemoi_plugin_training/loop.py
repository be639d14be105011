"""The training loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from anemoi.core.model import ForecastModel
from torch.nn.utils import clip_grad_norm_

from .batches import batches
from .criterion import Criterion
from .descent import Descent
from .interfaces.optimiser import Optimiser
from .interfaces.schedule import Schedule
from .samples import Samples, normalised
from .settings import TrainingSettings


def optimise(
    model: ForecastModel,
    criterion: Criterion,
    samples: Mapping[int, Samples],
    optimiser: Optimiser,
    schedule: Schedule,
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
    criterion.to(device)
    generator = torch.Generator(device).manual_seed(settings.seed)
    descent = Descent(model, optimiser, schedule)
    for rollout, steps in phases(settings):
        drawn = batches(
            samples[rollout],
            batch_size=settings.batch_size,
            seed=settings.seed,
            workers=settings.workers,
        )
        for batch in itertools.islice(drawn, steps):
            with _repeatable(device):
                model.zero_grad(set_to_none=True)
                sample = normalised(model, batch, samples[rollout], device)
                value = model.objective.loss(model, sample, criterion, generator).mean()
                torch.autograd.backward(value)
                clip_grad_norm_(model.parameters(), settings.gradient_clip)
                descent.step()
            yield value.item()


def phases(settings: TrainingSettings) -> list[tuple[int, int]]:
    """List the rollouts that are trained, one after another, and for how many optimisation steps each."""
    last = min(settings.steps, settings.rollout_steps)
    return [(1, settings.steps - last), (settings.rollout, last)]


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Ask for operations that give the same bits each time, on CPU, where they cost nothing."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or device.type == "cpu", warn_only=not before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
