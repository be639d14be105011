"""The deterministic objective: each state from the ones before, step after step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..errors import ConfigError
from ..interfaces.model import Fields
from ..interfaces.objective import Criterion, Objective
from ..steps import Offset, Steps
from ..times import format_duration, parse_duration

if TYPE_CHECKING:
    from ..model import ForecastModel, Sample

Count = Annotated[int, Field(ge=1)]


class Rollout(Objective):
    """Trains a network to give the states that follow, each step from what the steps before it gave.

    Of several domains each keeps its own time between states: one step takes all of them as far as the
    slowest goes in ``output_steps``, and the others give all their states on the way.

    Parameters
    ----------
    input_steps
        How many states come in.
    output_steps
        How many states go out at once, of the domain whose states lie farthest apart.
    lead_time
        The time from one state to the next, ``12h``; by default that of the data.
    """

    trained_members: int = 1
    """How many members are trained of each sample; an ensemble whose members differ by noise has more."""

    def __init__(
        self, *, input_steps: Count = 2, output_steps: Count = 1, lead_time: str | None = None
    ) -> None:
        self.input_steps, self.output_steps = input_steps, output_steps
        self.lead_time = None if lead_time is None else parse_duration(lead_time)

    def steps(self, frequencies: Mapping[str, np.timedelta64]) -> dict[str, Steps]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.steps`."""
        intervals = {name: self._interval(name, frequency) for name, frequency in frequencies.items()}
        step = self.output_steps * max(intervals.values())
        found = {}
        for name, interval in intervals.items():
            if step % interval:
                raise ConfigError(
                    f"One step of {format_duration(step)} is no multiple of the {format_duration(interval)} "
                    f"between the states of {name}.",
                    fix="Choose objective.output_steps so that it is.",
                )
            before = tuple(-number * interval for number in reversed(range(self.input_steps)))
            after = tuple((number + 1) * interval for number in range(int(step // interval)))
            found[name] = Steps(inputs=before, outputs=after, step=step, interval=interval)
        return found

    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.objective.Objective.loss`."""
        made: dict[str, dict[Offset, Tensor]] = defaultdict(dict)
        losses = []
        for step in range(sample.count):
            inputs = sample.inputs(step, made)
            if self.trained_members > 1:
                inputs = {
                    name: each.expand(-1, -1, self.trained_members, -1, -1) for name, each in inputs.items()
                }
            outputs = self.advance(model, inputs, generator)
            losses.append(criterion(outputs, sample.targets(step), step=step))
            for name, times in sample.times(step).items():
                if name in outputs:
                    made[name].update(zip(times, outputs[name].unbind(1), strict=True))
        return torch.stack(losses)

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        outputs: dict[str, Tensor] = model(inputs)
        return outputs

    def _interval(self, name: str, frequency: np.timedelta64) -> np.timedelta64:
        if self.lead_time is None:
            return frequency
        if self.lead_time < frequency or self.lead_time % frequency:
            raise ConfigError(
                f"objective.lead_time is {format_duration(self.lead_time)}, but the states of {name} are "
                f"{format_duration(frequency)} apart.",
                fix=f"Choose a multiple of {format_duration(frequency)}.",
            )
        return self.lead_time
