from copy import deepcopy

import numpy as np
import pytest
import torch
from anemoi.core.config import compose, validate
from anemoi.core.errors import ConfigError
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from anemoi_plugin_training.descent import Descent, build_schedule
from anemoi_plugin_training.engine import OneDevice
from anemoi_plugin_training.optimisers.muon import Muon
from anemoi_plugin_training.schedules.constant import Constant
from anemoi_plugin_training.schedules.linear import Linear
from anemoi_plugin_training.schedules.one_cycle import OneCycle
from anemoi_plugin_training.schedules.plateau import Plateau
from anemoi_plugin_training.schedules.warmup_cosine import WarmupCosine
from anemoi_plugin_training.settings import Settings

RISE = [(step + 1) / 10 for step in range(10)]
DONE = np.arange(100) / 100

take = OneDevice(torch.device("cpu")).take


def factors(schedule, **options):
    built = schedule(steps=110, warmup_steps=10, **options)
    return [built.factor(step) for step in range(110)]


@pytest.mark.parametrize(
    ("schedule", "options", "after"),
    [
        (WarmupCosine, {}, 0.5 * (1 + np.cos(np.pi * DONE))),
        (WarmupCosine, {"minimum": 0.1}, 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * DONE))),
        (Linear, {}, 1 - DONE),
        (Linear, {"minimum": 0.25}, 1 - 0.75 * DONE),
        (Constant, {}, np.ones(100)),
    ],
)
def test_after_the_warm_up_it_is_the_formula(schedule, options, after):
    np.testing.assert_allclose(factors(schedule, **options), [*RISE, *after], rtol=1e-12)


@pytest.mark.parametrize("schedule", [WarmupCosine, Linear])
def test_the_last_step_of_all_is_followed_by_the_minimum(schedule):
    assert schedule(steps=20, warmup_steps=5, minimum=0.5).factor(20) == pytest.approx(0.5)
    assert schedule(steps=20, warmup_steps=5, minimum=0.5).factor(99) == pytest.approx(0.5)


def an_optimiser():
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)


@pytest.mark.parametrize("steps", [10, 37])
def test_one_cycle_is_that_of_torch(steps):
    optimiser = an_optimiser()
    reference = OneCycleLR(optimiser, max_lr=0.5, total_steps=steps, cycle_momentum=False)
    ours = OneCycle(steps=steps, warmup_steps=0)
    for step in range(steps):
        assert 0.5 * ours.factor(step) == pytest.approx(reference.get_last_lr()[0], rel=1e-9)
        if step < steps - 1:
            optimiser.step()
            reference.step()


def test_plateau_is_that_of_torch():
    losses = [1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.5, 0.6, 0.4999, 0.7, 0.7, 0.7, 0.7, 0.1, *[0.2] * 30]
    optimiser = an_optimiser()
    reference = ReduceLROnPlateau(optimiser, factor=0.5, patience=2, threshold=1e-3, min_lr=0.01)
    # Torch waits for one more validation than its patience.
    ours = Plateau(steps=100, warmup_steps=0, drop=0.5, patience=3, threshold=1e-3, minimum=0.02)
    for loss in losses:
        reference.step(loss)
        ours.validated(loss)
        assert 0.5 * ours.factor(50) == pytest.approx(reference.get_last_lr()[0])
    assert ours.factor(50) == 0.02


def test_plateau_follows_a_metric_whose_higher_values_are_better():
    schedule = Plateau(steps=100, warmup_steps=0, drop=0.5, patience=2, threshold=0.1)
    for correlation in (0.2, 0.5, 0.54):  # the last is no tenth better
        schedule.validated(-correlation)
    assert schedule.factor(50) == 1.0
    schedule.validated(-0.56)
    assert (schedule.factor(50), schedule.best) == (1.0, -0.56)


def test_a_plateau_warms_up():
    assert factors(Plateau)[:11] == pytest.approx([*RISE, 1.0])


def test_every_optimiser_of_a_model_follows_the_schedule():
    model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 1))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    schedule = WarmupCosine(steps=30, warmup_steps=4)
    descent = Descent(model, Muon(learning_rate=0.5, weight_decay=0.0), schedule)
    assert len(descent.optimisers) == 2
    for step in range(30):
        assert descent.learning_rate == 0.5 * schedule.factor(step)
        descent.step(take)
        rates = {group["lr"] for each in descent.optimisers for group in each.param_groups}
        assert rates == {0.5 * schedule.factor(step)}


def test_a_descent_goes_on_from_its_state_to_the_bit():
    def begun():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 1))
        schedule = Plateau(steps=30, warmup_steps=4, patience=1)
        return model, Descent(model, Muon(learning_rate=0.5, weight_decay=0.1), schedule)

    def go_on(model, descent, steps):
        for step in range(steps):
            model.zero_grad()
            model(torch.ones(3, 32) * (descent.steps + 1)).square().mean().backward()
            descent.step(take)
            descent.schedule.validated(1.0 + step)

    whole, descent = begun()
    go_on(whole, descent, 6)
    again, fresh = begun()
    again.load_state_dict(whole.state_dict())
    fresh.load_state_dict(deepcopy(descent.state_dict()))
    assert fresh.learning_rate == descent.learning_rate < 0.5
    go_on(whole, descent, 6)
    go_on(again, fresh, 6)
    assert fresh.learning_rate == descent.learning_rate
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_configuration_chooses_the_schedule():
    words = ["schedule=linear", "schedule.minimum=0.5", "training.steps=20", "training.warmup_steps=4"]
    schedule = build_schedule(validate(compose("train", words), Settings))
    assert [schedule.factor(step) for step in (0, 4, 20)] == [0.25, 1.0, 0.5]


def test_a_schedule_that_follows_validations_is_refused_where_there_are_none():
    with pytest.raises(ConfigError, match="follows validations, and this training has none"):
        validate(compose("train", ["schedule=plateau"]), Settings)
