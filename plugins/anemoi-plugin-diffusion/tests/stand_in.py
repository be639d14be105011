"""Models without a network, of which the best answer is known."""

from types import SimpleNamespace

import numpy as np
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.model import Sample
from anemoi.core.variable import Role, Variable

SIX_HOURS = np.timedelta64(6 * 3600, "s")
POINTS = 200
CHANGE = 0.25
"""The standard deviation of the changes of the prognostic variable."""

DOMAIN = Domain(
    variables=(Variable("t"), Variable("lsm", role=Role.FORCING), Variable("tp", role=Role.DIAGNOSTIC)),
    grid=Grid(np.linspace(-80.0, 80.0, POINTS), np.zeros(POINTS)),
    frequency=SIX_HOURS,
    statistics=Statistics(np.zeros(3), np.ones(3), -np.ones(3), np.ones(3)),
    changes=Statistics(np.zeros(3), np.array([CHANGE, 1.0, np.nan]), -np.ones(3), np.ones(3)),
)


def model(objective, network):
    """What an objective sees of a model; ``network(noised, number)`` answers for the noised outputs."""

    def asked(fields, condition):
        count = 2 * len(objective.steps({"data": SIX_HOURS})["data"].outputs)
        noised = fields["data"][:, -1, ..., -count:].unflatten(-1, (-1, 2)).movedim(-2, 1)
        return {"data": network(noised, condition[:, 0, 0].view(-1, 1, 1, 1, 1))}

    return SimpleNamespace(
        network=asked,
        normalised={"data": DOMAIN},
        steps=objective.steps({"data": SIX_HOURS}),
        enforce=lambda outputs: outputs,
    )


def sample(objective, *, batch=3, count=1):
    """States that are random, one member each."""
    steps = objective.steps({"data": SIX_HOURS})
    times = len(steps["data"].window(count))
    fields = torch.randn(batch, times, 1, POINTS, 3, generator=torch.Generator().manual_seed(1))
    return Sample({"data": fields}, {}, {"data": DOMAIN}, steps, count)


def inputs(*, batch=1, members=1, value=3.0):
    """Two states of one value."""
    return {"data": torch.full((batch, 2, members, POINTS, 2), value)}
