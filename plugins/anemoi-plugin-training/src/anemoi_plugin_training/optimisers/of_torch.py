"""Any optimiser of ``torch.optim``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import torch
from anemoi.core.config.nearest import nearest
from anemoi.core.errors import ConfigError
from torch import nn, optim

from ..interfaces.optimiser import Optimiser
from .groups import decaying

_REFUSED: Final = {
    "LBFGS": "computes the loss several times in each step, which a training does once",
    "SparseAdam": "trains sparse gradients alone, and those of a model here are dense",
    "Muon": "trains matrices alone: choose optimiser=muon, which has AdamW beside it",
}
_GIVEN: Final = {"params", "lr", "weight_decay"}


class TorchOptimiser(Optimiser):
    """Trains everything by an optimiser of ``torch.optim``, by name.

    Parameters
    ----------
    learning_rate, weight_decay
        As for every :class:`.Optimiser`; matrices decay, biases and norms do not.
    optimiser
        The name of the class, such as ``SGD``.
    options
        Other arguments of the class, such as ``{momentum: 0.9}``; by default none.

    Raises
    ------
    ConfigError
        If there is no such class or argument, the class refuses a value, or it takes no weight decay and
        ``weight_decay`` is not zero.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        weight_decay: float,
        optimiser: str = "Adam",
        options: dict[str, Any] | None = None,
    ) -> None:
        if optimiser in _REFUSED:
            raise ConfigError(f"torch.optim.{optimiser} {_REFUSED[optimiser]}.", fix="Choose another.")
        known = sorted(name for name, each in vars(optim).items() if _is_optimiser(each))
        if optimiser not in known:
            raise ConfigError(f"torch.optim has no optimiser {optimiser!r}.", fix=nearest(optimiser, known))
        self.constructor = getattr(optim, optimiser)
        taken = set(inspect.signature(self.constructor).parameters)
        if unknown := sorted(set(options or {}) - taken | set(options or {}) & _GIVEN):
            raise ConfigError(
                f"options.{unknown[0]} is not an option of torch.optim.{optimiser} here.",
                fix="Set training.learning_rate and training.weight_decay."
                if unknown[0] in _GIVEN
                else nearest(unknown[0], sorted(taken - _GIVEN)),
            )
        if weight_decay and "weight_decay" not in taken:
            raise ConfigError(
                f"torch.optim.{optimiser} has none, and training.weight_decay is {weight_decay:g}.",
                fix="Choose training.weight_decay=0, or another optimiser.",
            )
        # A configuration writes a tuple as a list, which some optimisers do not take.
        self.options = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in (options or {}).items()
        }
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.decays = "weight_decay" in taken
        self.build({"weight": nn.Parameter(torch.ones(1, 1))})  # so that it refuses its options here

    def build(self, parameters: Mapping[str, nn.Parameter]) -> list[optim.Optimizer]:
        """See :meth:`.Optimiser.build`."""
        groups = decaying(parameters.values(), self.weight_decay) if self.decays else parameters.values()
        try:
            return [self.constructor(groups, lr=self.learning_rate, **self.options)]
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"torch.optim.{self.constructor.__name__} refuses its options: {error}"
            ) from error


def _is_optimiser(candidate: Any) -> bool:
    return (
        inspect.isclass(candidate)
        and issubclass(candidate, optim.Optimizer)
        and candidate is not optim.Optimizer
    )
