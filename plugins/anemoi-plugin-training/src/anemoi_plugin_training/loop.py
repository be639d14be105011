"""The training loop."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from anemoi.core.interfaces.loss import Loss
from anemoi.core.model import ForecastModel
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from .optimiser import adamw, warmup_cosine
from .samples import Samples
from .settings import TrainingSettings


def optimise(
    model: ForecastModel, loss: Loss, samples: Samples, settings: TrainingSettings, device: torch.device
) -> Iterator[float]:
    """Train a model in place; yields the loss of each optimisation step."""
    model.to(device).train()
    loss.to(device)
    optimiser = adamw(model, settings)
    schedule = warmup_cosine(optimiser, settings)
    batches = _forever(
        DataLoader(
            samples,
            batch_size=settings.batch_size,
            shuffle=True,
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            generator=torch.Generator().manual_seed(settings.seed),
        )
    )
    for step in range(settings.steps):
        rollout = settings.rollout if step >= settings.steps - settings.rollout_steps else 1
        states, forcings = (part.to(device) for part in next(batches))
        optimiser.zero_grad(set_to_none=True)
        value = rollout_loss(model, loss, model.normalise(states), forcings, rollout)
        torch.autograd.backward(value)
        clip_grad_norm_(model.parameters(), settings.gradient_clip)
        optimiser.step()
        schedule.step()
        yield value.item()


def rollout_loss(model: ForecastModel, loss: Loss, states: Tensor, forcings: Tensor, rollout: int) -> Tensor:
    """Average the loss of ``rollout`` forecast steps, each made from the states before it.

    Parameters
    ----------
    states
        ``(batch, time, ensemble, grid, variable)``, normalised; the first ``model.input_steps`` of
        them are the initial states, at least ``rollout`` follow.
    forcings
        ``(batch, time, grid, forcing)``, at the same times.
    """
    steps = model.input_steps
    window = states[:, :steps]
    total = states.new_zeros(())
    for step in range(rollout):
        prediction = model(window, forcings[:, steps + step - 1])  # (batch, ensemble, grid, variable)
        total = total + loss(
            prediction / model.tendency_scale, states[:, steps + step] / model.tendency_scale
        )
        window = torch.cat([window[:, 1:], prediction[:, None]], dim=1)
    return total / rollout


def _forever(batches: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches
