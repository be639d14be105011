"""Consecutive states of every domain, as an objective is given them to train on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..domain import Domain
from ..interfaces.model import Fields
from ..steps import Offset, Steps

Made = Mapping[str, Mapping[Offset, Tensor]]
"""What has been forecast: for each domain, by time, ``(batch, ensemble, grid, outputs)``, normalised."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The states that some steps of a forecast take and give, as they were, normalised.

    Parameters
    ----------
    fields
        For each domain ``(batch, time, ensemble, grid, variable)``, the times those of
        ``steps[domain].window(count)``, the variables all of those of the domain. Never NaN.
    missing
        Where there was none, of the same shape; a domain where nothing is missing may be left out.
    domains
        The domains, normalised.
    steps
        When the states of one step lie.
    count
        How many steps of a forecast it holds.
    """

    fields: Fields
    missing: Fields
    domains: Mapping[str, Domain]
    steps: Mapping[str, Steps]
    count: int

    def inputs(self, step: int = 0, made: Made | None = None) -> dict[str, Tensor]:
        """What the model is given for one step, ``(batch, time in, ensemble, grid, inputs)`` by domain.

        Parameters
        ----------
        step
            Which step, counted from zero.
        made
            What the steps before have forecast, which takes the place of what was.
        """
        return {
            name: _with_forecasts(
                self._at(self.fields[name], name, self._times(name, step, "inputs"), domain.inputs),
                self._times(name, step, "inputs"),
                domain,
                (made or {}).get(name, {}),
            )
            for name, domain in self.domains.items()
        }

    def outputs(self, step: int = 0) -> dict[str, Tensor]:
        """What a step should give, ``(batch, time out, ensemble, grid, outputs)``, filled in if missing."""
        return {
            name: self._at(self.fields[name], name, times, self.domains[name].outputs)
            for name, times in self.times(step).items()
            if self.domains[name].outputs and times
        }

    def targets(self, step: int = 0) -> dict[str, Tensor]:
        """What the loss of one step sees: the same as :meth:`outputs`, but NaN where missing."""
        times = self.times(step)
        return {
            name: truth.masked_fill(
                self._at(self.missing[name], name, times[name], self.domains[name].outputs), torch.nan
            )
            if name in self.missing
            else truth
            for name, truth in self.outputs(step).items()
        }

    def times(self, step: int) -> dict[str, tuple[Offset, ...]]:
        """When the outputs of one step lie, relative to the beginning of the first, by domain."""
        return {name: self._times(name, step, "outputs") for name in self.domains}

    def _times(self, name: str, step: int, which: str) -> tuple[Offset, ...]:
        steps = self.steps[name]
        return tuple(step * steps.step + offset for offset in getattr(steps, which))

    def _at(self, values: Tensor, name: str, times: tuple[Offset, ...], variables: tuple[str, ...]) -> Tensor:
        window = self.steps[name].window(self.count)
        places = [window.index(time) for time in times]
        if places == list(range(places[0], places[0] + len(places))):
            values = values[:, places[0] : places[0] + len(places)]  # a view
        else:
            values = values[:, places]
        domain = self.domains[name]
        return values if variables == domain.names else values[..., domain.columns(variables)]


def _with_forecasts(
    inputs: Tensor, times: tuple[Offset, ...], domain: Domain, made: Mapping[Offset, Tensor]
) -> Tensor:
    """Put what has been forecast in the place of the prognostic variables of those times.

    Parameters
    ----------
    inputs
        ``(batch, time, ensemble, grid, inputs)``.
    times
        When each of them lies.
    domain
        Whose inputs they are.
    made
        What has been forecast, by time, ``(batch, ensemble, grid, outputs)``.
    """
    if not domain.prognostic or not any(time in made for time in times):
        return inputs
    into = torch.tensor([domain.inputs.index(name) for name in domain.prognostic], device=inputs.device)
    of = [domain.outputs.index(name) for name in domain.prognostic]
    states = []
    for place, time in enumerate(times):
        state = inputs[:, place]
        if time in made:
            forecast = made[time] if domain.outputs == domain.prognostic else made[time][..., of]
            if domain.inputs == domain.prognostic:
                state = forecast
            else:
                state = state.expand(*forecast.shape[:-1], -1).index_copy(-1, into, forecast)
        states.append(state)
    members = max(state.shape[1] for state in states)
    return torch.stack([state.expand(-1, members, -1, -1) for state in states], dim=1)
