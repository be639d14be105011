"""Small models, and analyses to begin with."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.graph import DATA
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Analysis
from anemoi.core.model import ForecastModel
from anemoi.core.objectives import Rollout
from anemoi.core.transforms import Bounding, Chain
from anemoi.core.variable import Role, Variable
from torch import nn

STEP = np.timedelta64(6 * 3600, "s")
START = np.datetime64("2025-12-22T00", "s")


def numbers_of(member):
    return torch.Generator().manual_seed(member)


class Network(nn.Module):
    """What a function makes of the inputs, ``(batch, time in, ensemble, grid, inputs)``."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, fields, condition=None):
        return {DATA: self.function(fields[DATA])}


class Given:
    """The inputs of a forecast from one date: what is known of it, then what is forecast."""

    def __init__(self, model, known, date):
        self.steps = model.steps[DATA]
        self.states = {date + offset: known(date + offset) for offset in self.steps.inputs}
        self.known, self.date = known, date
        domain = model.normalised[DATA]
        self.places = [domain.inputs.index(name) for name in domain.outputs]

    def of(self, step):
        times = [self.date + step * self.steps.step + offset for offset in self.steps.inputs]
        return {DATA: torch.stack([self.states[time] for time in times])[None]}

    def add(self, step, outputs):
        (time,) = (self.date + step * self.steps.step + offset for offset in self.steps.outputs)
        self.states[time] = self.known(time).clone()
        self.states[time][..., self.places] = outputs[DATA][0, 0]


def domain_of(variables, grid, changes):
    zero, one = np.zeros(len(variables)), np.ones(len(variables))
    return Domain(
        variables=tuple(variables),
        grid=grid,
        frequency=STEP,
        statistics=Statistics(zero, one, -one, one),
        changes=Statistics(zero, np.asarray(changes, dtype=float), -one, one),
    )


@pytest.fixture
def make():
    """An analysis on a grid with a model that a function is of."""

    def make_(names, grid, *, changes=None, function=None, known=None, input_steps=1, relu=()):
        variables = [Variable(name) for name in names] + [Variable("sun", role=Role.FORCING)]
        changes = [*(changes or [1.0] * len(names)), np.nan]
        domain = domain_of(variables, grid, changes)
        steps = Rollout(input_steps=input_steps).steps({DATA: STEP})
        model = ForecastModel(
            network=Network(function),
            transforms={DATA: Chain([Bounding(domain=domain, relu=list(relu))] if relu else [], domain)},
            steps=steps,
            objective=Rollout(input_steps=input_steps),
        )
        known = known or (lambda time: torch.zeros(1, len(grid), len(variables)))
        return Analysis(model, START, STEP, partial(Given, model, known), numbers_of)

    return make_


@pytest.fixture
def ring():
    """Points along the equator, ten degrees apart."""
    return Grid(np.zeros(36), np.arange(36) * 10.0)
