"""Members that are earlier forecasts."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import AnemoiError, ConfigError

from anemoi_plugin_perturbations.lagged import Lagged

from .conftest import START, STEP, numbers_of


def known(time):
    """The analysis at a time, ``(1, grid, inputs)``."""
    phase = float((time - START) / STEP)
    points = torch.arange(36, dtype=torch.float32)[:, None] + torch.tensor([0.0, 2.0, 5.0])
    return torch.sin(points + phase)[None]


def network(fields):
    """Two states and the forcing to the next state, not linear: ``(batch, 1, ensemble, grid, 2)``."""
    before, now = fields[:, 0], fields[:, 1]
    wind = 0.3 * before[..., :2].roll(1, dims=-2)
    return torch.tanh(1.1 * now[..., :2] - wind + 0.2 * now[..., 2:])[:, None]


@pytest.mark.parametrize(("options", "member", "back"), [({}, 1, 1), ({}, 3, 3), ({"lag": "12h"}, 2, 4)])
def test_a_member_is_the_forecast_from_the_earlier_date_to_the_bit(make, ring, options, member, back):
    analysis = make(["a", "b"], ring, function=network, known=known, input_steps=2)
    found = Lagged(**options).perturbed(analysis, member, numbers_of(member))["data"][0, :, 0]
    before, now = known(START - (back + 1) * STEP)[0], known(START - back * STEP)[0]
    for number in range(back):
        made = network(torch.stack([before, now])[None, :, None])[0, 0, 0]
        before, now = now, known(START - (back - number - 1) * STEP)[0].clone()
        now[:, :2] = made
    assert torch.equal(found, torch.stack([before, now]))
    assert not torch.equal(found[1], known(START)[0])


def test_it_asks_for_a_date_for_each_member():
    assert Lagged().starts(STEP, 4) == (-STEP, -2 * STEP, -3 * STEP)
    assert Lagged(lag="1d").starts(STEP, 3) == (-4 * STEP, -8 * STEP)
    assert Lagged().starts(STEP, 1) == ()


@pytest.mark.parametrize("lag", ["3h", "9h", "0h"])
def test_a_lag_that_is_no_multiple_of_the_step_is_told(lag):
    with pytest.raises(ConfigError, match="no multiple of the 6h of a step"):
        Lagged(lag=lag).starts(STEP, 2)


def test_a_lag_that_is_no_duration_is_told():
    with pytest.raises(AnemoiError, match="soon"):
        Lagged(lag="soon")


def test_offsets_are_durations():
    assert all(isinstance(each, np.timedelta64) for each in Lagged().starts(STEP, 3))
