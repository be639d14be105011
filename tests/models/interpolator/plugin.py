"""States between two known ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from anemoi.core.interfaces import Objective
from anemoi.core.steps import Steps
from anemoi.core.times import parse_duration
from anemoi.core.variable import Role


class Interpolator(Objective):
    """Gives the states between two, one step after another, from a source that has every end of a step.

    Prognostic variables are a straight line between the two and what the network adds, which is nothing at
    either end; what is accumulated has no line to add to.

    Parameters
    ----------
    step
        How far apart the known states are.
    """

    def __init__(self, *, step: str = "6h") -> None:
        self.step = parse_duration(step)

    def steps(self, frequencies):
        now = np.timedelta64(0, "s")
        return {
            name: Steps(
                inputs=(now, self.step),
                outputs=tuple(np.arange(frequency, self.step, frequency)),
                step=self.step,
                interval=frequency,
            )
            for name, frequency in frequencies.items()
        }

    def network_domains(self, domains):
        """What is known comes in, what is added goes out."""
        return {
            name: domain.derived(
                [
                    *((each, replace(domain[each], role=Role.FORCING)) for each in domain.inputs),
                    *(
                        (each, replace(domain[each], name=f"added_{each}", role=Role.DIAGNOSTIC))
                        for each in domain.outputs
                    ),
                ]
            )
            for name, domain in domains.items()
        }

    def loss(self, model, sample, criterion, generator):
        return torch.stack(
            [
                criterion(
                    self.advance(model, sample.inputs(step), generator), sample.targets(step), step=step
                )
                for step in range(sample.count)
            ]
        )

    def advance(self, model, inputs, generator):
        added = model.network(inputs)
        return model.enforce({name: self._states(model, name, inputs[name], added[name]) for name in added})

    def _states(self, model, name, known, added):
        domain, steps = model.normalised[name], model.steps[name]
        share = [float(offset / steps.step) for offset in steps.outputs]
        share = known.new_tensor(share).view(-1, 1, 1, 1)  # (time out, 1, 1, 1)
        first, last = known[..., [domain.inputs.index(each) for each in domain.prognostic]].split(1, dim=1)
        into = [domain.outputs.index(each) for each in domain.prognostic]
        line = torch.zeros_like(added)
        line[..., into] = (1 - share) * first + share * last
        weight = torch.ones_like(added)
        weight[..., into] = 4 * share * (1 - share)
        return line + weight * added
