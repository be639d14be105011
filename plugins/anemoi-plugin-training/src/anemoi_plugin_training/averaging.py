"""The moving average of the weights of a training, which forecasts better than the weights of one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of the weights that are trained, in single precision at least.

    The first averages are over few steps: the share of the past is ``(1 + n) / (10 + n)`` after ``n`` steps
    until that exceeds ``decay``, so that the initial weights are soon forgotten (as in TensorFlow's
    ``ExponentialMovingAverage``).

    Parameters
    ----------
    model
        Its weights of now are the first average; those that are not trained are left alone.
    decay
        The share of the past at each step.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights: dict[str, Tensor] = {
            name: _full(each).clone() for name, each in model.named_parameters() if each.requires_grad
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the weights after a step into the average."""
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, each in model.named_parameters():
            if name in self.weights:
                self.weights[name].lerp_(_full(each), share)

    @contextmanager
    def lent_to(self, model: nn.Module) -> Iterator[None]:
        """Let the model have the average as its weights within the block."""
        trained = {name: each for name, each in model.named_parameters() if name in self.weights}
        own = {name: each.detach().clone() for name, each in trained.items()}
        with torch.no_grad():
            _assign(trained, self.weights)
            try:
                yield
            finally:
                _assign(trained, own)


def _assign(parameters: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, each in parameters.items():
            each.copy_(values[name].to(each.dtype))


def _full(parameter: Tensor) -> Tensor:
    """A weight in single precision or better."""
    weight = parameter.detach()
    return weight.float() if weight.dtype in (torch.bfloat16, torch.float16) else weight
