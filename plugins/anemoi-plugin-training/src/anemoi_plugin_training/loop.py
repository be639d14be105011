"""The training loop."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from anemoi.core.interfaces.loss import Loss
from anemoi.core.model import ForecastModel
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Sampler

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
    batches = iter(
        DataLoader(
            samples,
            batch_size=settings.batch_size,
            sampler=_Shuffled(len(samples), settings.seed),
            num_workers=settings.workers,
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


class _Shuffled(Sampler[int]):
    """Every sample in random order, and again in another, without end.

    The loader's own shuffling draws from its generator at other times with workers than without.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            yield from torch.randperm(self.count, generator=generator).tolist()
