"""The objective ``stochastic-interpolant``, with networks that know the drift."""

import numpy as np
import pytest
import torch

from anemoi_plugin_diffusion.interpolant import StochasticInterpolant, _deterministic

from . import stand_in

STDEV = 0.8


def drift(fields, time, amplitude=1.0):
    """The drift of normal data with mean zero, from the covariance of the way with its slope."""
    variance = time**4 * STDEV**2 + amplitude**2 * (1 - time) ** 2 * time
    covariance = 2 * time**3 * STDEV**2 - amplitude**2 * (1 - time) * time
    return fields * covariance / (variance + 1e-30)


@pytest.mark.parametrize("sampler", ["euler-maruyama", "ode"])
@pytest.mark.parametrize("amplitude", [0.5, 1.0])
def test_a_forecast_has_the_mean_and_the_spread_of_the_data(sampler, amplitude):
    objective = StochasticInterpolant(sampler=sampler, amplitude=amplitude, sampler_steps=100)
    model = stand_in.model(objective, lambda given, time: drift(given, time, amplitude))
    found = objective.advance(model, stand_in.inputs(members=50), torch.Generator().manual_seed(0))["data"]
    assert found.shape == (1, 1, 50, stand_in.POINTS, 2)
    assert float(found[..., 0].mean()) == pytest.approx(3.0, abs=0.01)
    assert float(found[..., 0].std()) == pytest.approx(STDEV * stand_in.CHANGE, rel=0.03)
    assert float(found[..., 1].std()) == pytest.approx(STDEV, rel=0.03)


def spread_by_euler_maruyama(steps):
    """The variance that the method comes to: that of each step follows from the one before."""
    variance = 0.0
    for number in range(steps):
        time = number / steps
        growth = 1 + float(drift(torch.ones(1), torch.tensor(time))) / steps
        variance = growth**2 * variance + (1 - time) ** 2 / steps
    return variance**0.5


def test_euler_and_maruyama_come_to_their_own_spread_and_that_to_the_one_of_the_data():
    objective = StochasticInterpolant(sampler_steps=5)
    model = stand_in.model(objective, drift)
    found = objective.advance(model, stand_in.inputs(members=300), torch.Generator().manual_seed(0))["data"]
    assert float(found[..., 1].std()) == pytest.approx(spread_by_euler_maruyama(5), rel=0.01)
    steps = np.array([200, 400, 800])
    errors = [abs(spread_by_euler_maruyama(int(count)) - STDEV) for count in steps]
    assert -np.diff(np.log(errors)) / np.diff(np.log(steps)) == pytest.approx([1.0, 1.0], abs=0.2)


def test_the_error_of_the_ode_falls_with_the_square_of_the_steps():
    steps = np.array([40, 80, 160])

    def end(count):
        one = {"data": torch.ones(1, dtype=torch.float64)}
        found = _deterministic(
            lambda fields, time: {"data": drift(fields["data"], time, 0.5)}, lambda: one, 0.5, int(count)
        )
        return float(found["data"])

    errors = [abs(end(count) - STDEV) for count in steps]
    assert -np.diff(np.log(errors)) / np.diff(np.log(steps)) == pytest.approx([2.0, 2.0], abs=0.3)


def test_a_network_that_knows_the_way_has_no_loss():
    objective = StochasticInterpolant(amplitude=0.5)
    sample = stand_in.sample(objective)
    change = sample.outputs()["data"].clone()
    change[..., :1] = (change[..., :1] - sample.inputs()["data"][:, -1:, ..., :1]) / stand_in.CHANGE
    noise = []

    def network(given, time):
        wiener = (given - time**2 * change) / (1 - time)
        noise.append((wiener.std(dim=(1, 2, 3, 4)), 0.5 * time.flatten().sqrt()))
        return 2 * time * change - wiener

    def criterion(predictions, targets, *, step):
        return (predictions["data"] - targets["data"]).square().mean()

    model = stand_in.model(objective, network)
    [loss] = objective.loss(model, sample, criterion, torch.Generator().manual_seed(0))
    assert loss < 1e-6
    [(found, expected)] = noise
    torch.testing.assert_close(found, expected, rtol=0.2, atol=0)


@pytest.mark.parametrize("sampler", ["euler-maruyama", "ode"])
def test_the_same_seed_gives_the_same_bits_and_members_differ(sampler):
    objective = StochasticInterpolant(sampler=sampler, sampler_steps=4)
    model = stand_in.model(objective, drift)
    given = stand_in.inputs(members=2)
    one, again, other = (
        objective.advance(model, given, torch.Generator().manual_seed(seed))["data"] for seed in (4, 4, 5)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one[:, :, 0], one[:, :, 1])
