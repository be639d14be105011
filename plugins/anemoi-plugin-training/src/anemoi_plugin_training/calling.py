"""The callbacks of a training, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.model import ForecastModel
from torch.optim import Optimizer

from .interfaces.callback import Callback, Moment, ValidationState


class Callbacks:
    """Calls each callback of a training, in the order of the configuration.

    Parameters
    ----------
    callbacks
        By the names that the user gave them.
    model, optimisers
        What they are shown.
    steps
        How many the training has.
    seed
        Of their random numbers, the same in every process.
    """

    def __init__(
        self,
        callbacks: Mapping[str, Callback],
        *,
        model: ForecastModel,
        optimisers: Sequence[Optimizer],
        steps: int,
        seed: int,
    ) -> None:
        self._callbacks, self._steps = callbacks, steps
        self._model, self._optimisers = model, optimisers
        self._generator = torch.Generator().manual_seed(seed)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._callbacks)

    def start(self, directory: Path, record: Callable[[Path], None]) -> None:
        """Let them begin, in the process that writes to the directory of the run."""
        for each in self._callbacks.values():
            each.start(directory, record)

    def finish(self, status: str) -> None:
        """Let them end what they have under way."""
        for each in self._callbacks.values():
            each.finish(status)

    def before_step(self, step: int) -> None:
        """Show them a step that is about to be taken."""
        for each in self._callbacks.values():
            each.before_step(self._moment(step))

    def validated(self, step: int, state: ValidationState) -> None:
        """Show them a state that the validation after a step has forecast."""
        for each in self._callbacks.values():
            each.validated(self._moment(step), state)

    def after_step(self, step: int, metrics: Mapping[str, float]) -> str | None:
        """Show them a step that was taken; gives why the training should end, or None."""
        reasons = {
            name: each.after_step(self._moment(step), metrics) for name, each in self._callbacks.items()
        }
        return next((f"{name}: {reason}" for name, reason in reasons.items() if reason is not None), None)

    def _moment(self, step: int) -> Moment:
        return Moment(step, self._steps, self._model, self._optimisers, self._generator)

    def state(self) -> dict[str, Any]:
        """What they remember, and where their random numbers are."""
        return {
            "generator": self._generator.get_state(),
            "callbacks": {name: each.state() for name, each in self._callbacks.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a :meth:`state`."""
        self._generator.set_state(state["generator"].clone())
        for name, each in self._callbacks.items():
            each.restore(state["callbacks"][name])


def build_callbacks(specs: Mapping[str, Spec], *, trust_code: bool = False) -> dict[str, Callback]:
    """Build the callbacks that a configuration names.

    Raises
    ------
    ConfigError
        If an option will not do.
    PluginError
        If one is unknown, or fails to build.
    """
    return {name: config.build("callback", spec, trust_code=trust_code) for name, spec in specs.items()}
