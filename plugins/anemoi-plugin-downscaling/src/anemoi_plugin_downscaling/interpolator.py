"""The objective ``interpolator``: the states between two known ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Fields
from anemoi.core.steps import Steps
from anemoi.core.times import format_duration, parse_duration
from torch import Tensor

from .given_states import OfGivenStates

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.model import ForecastModel

_NOW = np.timedelta64(0, "s")


class Interpolator(OfGivenStates):
    """Gives the states between two known ones, all at once, and the later of the two.

    Prognostic variables lie on the straight line between the known states, plus what the network makes of
    both::

        x(s) = (1 - s) x(0) + s x(1) + 4 s (1 - s) (f(x(0), x(1))_s - x(1))        0 < s <= 1

    So the known states are met exactly, and a network that forecasts no change gives the line. Diagnostic
    variables are the network's own at all times, also at the later known state: what is accumulated from one
    state to the next has no line to add to, and the last of these periods ends there. Every step begins with
    known states, so errors do not grow from step to step.

    Parameters
    ----------
    step
        How far apart the known states are.
    frequency
        The time from one state that comes out to the next, which divides ``step``; by default that of the
        data.
    forcings
        A domain of forcings alone that is read at the times that come out: what is known of them. By default
        the network has forcings at the known states only.

    Raises
    ------
    ConfigError
        If a duration is none.
    """

    def __init__(
        self, *, step: str = "24h", frequency: str | None = None, forcings: str | None = None
    ) -> None:
        self.step = parse_duration(step)
        self.frequency = None if frequency is None else parse_duration(frequency)
        self.forcings = forcings

    def steps(self, frequencies: Mapping[str, np.timedelta64]) -> dict[str, Steps]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.steps`."""
        if self.forcings is not None and self.forcings not in frequencies:
            raise ConfigError(
                f"objective.forcings: there is no domain {self.forcings}, but {', '.join(frequencies)}.",
                fix="Describe it under domains, or leave the option out: objective.forcings=null",
            )
        found = {}
        for name, frequency in frequencies.items():
            interval = self._interval(name, frequency)
            between = tuple(np.arange(interval, self.step + interval, interval))
            known = (_NOW, self.step)
            inputs, outputs = (between, ()) if name == self.forcings else (known, between)
            found[name] = Steps(inputs=inputs, outputs=outputs, step=self.step, interval=interval)
        return found

    def network_domains(self, domains: Mapping[str, Domain]) -> Mapping[str, Domain]:
        """Check that there is a line for what is prognostic: see :meth:`.Objective.network_domains`.

        Computed forcings of the times between are told apart by time, as those that are read.
        """
        for name, domain in domains.items():
            if name == self.forcings and domain.outputs:
                raise ConfigError(
                    f"domains.{name}: {', '.join(domain.outputs)} would be forecast, but objective.forcings "
                    "says that all of it is known.",
                    fix=f'Make all of it forcing: +domains.{name}.variables.forcing=["*"]',
                )
            summed = [
                each for each in domain.prognostic if domain[each].statistic or domain[each].since_start
            ]
            if summed:
                raise ConfigError(
                    f"{', '.join(summed)} of {name} belongs to a time and not to a moment, so there is no "
                    "straight line between two states of it.",
                    fix=f"Let the network give it alone: +variables.diagnostic=[{','.join(summed)}]",
                )
        if self.forcings is None:
            return domains
        between = domains[self.forcings]
        by_time = [replace(each, computed=each.computed and each.constant) for each in between.variables]
        return {**domains, self.forcings: between.derived((each.name, each) for each in by_time)}

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        made = model.network(inputs)
        return model.enforce(
            {
                name: _bridged(model.normalised[name], model.steps[name], inputs[name], each)
                for name, each in made.items()
            }
        )

    def _interval(self, name: str, frequency: np.timedelta64) -> np.timedelta64:
        """The time between the states of a domain that come out."""
        interval = frequency if self.frequency is None else self.frequency
        if interval % frequency:
            raise ConfigError(
                f"objective.frequency is {format_duration(interval)}, but the states of {name} are "
                f"{format_duration(frequency)} apart.",
                fix=f"Choose a multiple of {format_duration(frequency)}.",
            )
        if self.step <= interval or self.step % interval:
            raise ConfigError(
                f"objective.step is {format_duration(self.step)}, and the states of {name} that come out are "
                f"{format_duration(interval)} apart: "
                + ("no state lies between." if self.step <= interval else "none lies at its end."),
                fix=f"Choose a multiple of {format_duration(interval)}, such as "
                f"objective.step={format_duration(2 * interval)}, or data whose states are closer.",
            )
        return interval


def _bridged(domain: Domain, steps: Steps, known: Tensor, made: Tensor) -> Tensor:
    """Put what a network makes upon the straight lines between known states.

    Parameters
    ----------
    known
        ``(batch, 2, ensemble, grid, inputs)``.
    made
        ``(batch, time out, ensemble, grid, outputs)``; that of prognostic variables counts as a change from
        the later known state.
    """
    share = made.new_tensor([float(offset / steps.step) for offset in steps.outputs]).view(-1, 1, 1, 1)
    states = known[..., [domain.inputs.index(each) for each in domain.prognostic]]
    first, last = states[:, :1], states[:, 1:]
    into = torch.tensor([domain.outputs.index(each) for each in domain.prognostic], device=made.device)
    line = torch.lerp(first, last, share)
    added = 4.0 * share * (1.0 - share) * (made.index_select(-1, into) - last)
    return made.index_copy(-1, into, (line + added).to(made.dtype))
