from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.model import Sample
from anemoi.core.variable import Role, Variable

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

SIX_HOURS = np.timedelta64(6 * 3600, "s")
POINTS = 500
DOMAIN = Domain(
    variables=(Variable("a"), Variable("b", role=Role.FORCING), Variable("c")),
    grid=Grid(np.linspace(-80.0, 80.0, POINTS), np.zeros(POINTS)),
    frequency=SIX_HOURS,
    statistics=Statistics(np.zeros(3), np.ones(3), -np.ones(3), np.ones(3)),
    changes=Statistics(np.zeros(3), np.array([1.0, 1.0, 10.0]), -np.ones(3), np.ones(3)),
)


def given(steps=1, **options):
    """What a network that gives zeros is given at each step, all zero but for noise, and its losses."""
    objective = {{ cookiecutter.__class }}(input_steps=1, **options)
    sample = Sample(
        fields={"data": torch.zeros(1, steps + 1, 1, POINTS, 3)},
        missing={},
        domains={"data": DOMAIN},
        steps=objective.steps({"data": SIX_HOURS}),
        count=steps,
    )
    asked = []

    def network(fields):
        asked.append(fields["data"])
        return {"data": torch.zeros(1, 1, 1, POINTS, 2)}

    def criterion(outputs, targets, *, step):
        return (outputs["data"] - targets["data"]).square().mean()

    losses = objective.loss(network, sample, criterion, torch.Generator().manual_seed(0))
    return SimpleNamespace(asked=asked, losses=losses)


def test_prognostic_variables_have_noise_in_units_of_their_change():
    (fields,) = given(noise=0.5).asked
    sizes = fields.std(dim=(0, 1, 2, 3))
    assert sizes[0].item() == pytest.approx(0.5, rel=0.1)
    assert sizes[1].item() == 0.0
    assert sizes[2].item() == pytest.approx(5.0, rel=0.1)


def test_later_steps_begin_with_what_was_forecast():
    first, second = given(steps=2).asked
    assert first.any()
    assert not second.any()


def test_there_is_a_loss_for_each_step():
    assert given(steps=3).losses.shape == (3,)


def test_without_noise_it_is_a_rollout():
    assert not given(noise=0.0).asked[0].any()


def test_negative_noise_is_refused():
    with pytest.raises(ConfigError, match="noise"):
        {{ cookiecutter.__class }}(noise=-1.0)
