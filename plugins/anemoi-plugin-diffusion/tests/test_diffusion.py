"""The objective ``diffusion``, with networks that know the answer."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi_plugin_ensemble.noise import EARTH_RADIUS

from anemoi_plugin_diffusion.diffusion import Diffusion

from . import stand_in


def preconditioned(best, noised, level):
    """What a network must answer for ``best`` to be denoised (EDM, table 1, data of variance one)."""
    return (best - noised / (level**2 + 1).sqrt()) * (level**2 + 1).sqrt() / level


def normal_data(stdev):
    """A network that knows the best guess of normal data with mean zero, in the space that is sampled."""

    def network(given, number):
        level = (4 * number).exp()
        noised = given * (level**2 + 1).sqrt()
        return preconditioned(noised * stdev**2 / (stdev**2 + level**2), given, level)

    return network


@pytest.mark.parametrize("target", ["tendency", "state"])
@pytest.mark.parametrize("sampler", ["heun", "dpmpp-2s", "dpmpp-2m"])
def test_a_forecast_has_the_mean_and_the_spread_of_the_data(target, sampler):
    objective = Diffusion(target=target, sampler=sampler, sampler_steps=40, output_steps=2)
    model = stand_in.model(objective, normal_data(0.8))
    found = objective.advance(model, stand_in.inputs(members=50), torch.Generator().manual_seed(0))["data"]
    assert found.shape == (1, 2, 50, stand_in.POINTS, 2)
    for time in range(2):
        t, tp = found[0, time].unbind(-1)
        mean, stdev = (3.0, 0.8 * stand_in.CHANGE * (time + 1) ** 0.5) if target == "tendency" else (0.0, 0.8)
        assert float(t.mean()) == pytest.approx(mean, abs=0.03)
        assert float(t.std()) == pytest.approx(stdev, rel=0.03)
        assert float(tp.std()) == pytest.approx(0.8, rel=0.03)


@pytest.mark.parametrize("options", [{}, {"target": "state", "noise": "log-normal", "output_steps": 2}])
def test_a_network_that_knows_the_answer_has_no_loss(options):
    objective, seen = Diffusion(**options), []
    sample = stand_in.sample(objective)
    truth, last = sample.outputs()["data"], sample.inputs()["data"][:, -1:, ..., :1]
    clean = truth.clone()
    if objective.target == "tendency":
        clean[..., :1] = (truth[..., :1] - last) / stand_in.CHANGE

    def network(given, number):
        level = (4 * number).exp()
        noise = given * (level**2 + 1).sqrt() - clean
        seen.append((noise.std(dim=(1, 2, 3, 4)), level.flatten()))
        return preconditioned(clean, given, level)

    def criterion(predictions, targets, *, step, weights):
        seen.append((predictions["data"] - targets["data"], weights))
        return (predictions["data"] - targets["data"]).square().mean()

    model = stand_in.model(objective, network)
    [loss] = objective.loss(model, sample, criterion, torch.Generator().manual_seed(0))
    (spread, level), (error, weights) = seen
    assert error.abs().max() < 1e-3
    assert loss < 1e-6
    torch.testing.assert_close(spread, level, rtol=0.2, atol=0)
    torch.testing.assert_close(weights, (level**2 + 1) / level**2)


def test_a_network_of_zeros_has_a_loss_of_one_at_any_level():
    """Preconditioning and weights make what the network must find of variance one."""
    objective, losses = Diffusion(trained_sigma_min=0.03), []
    units = torch.tensor([stand_in.CHANGE, 1.0])

    def criterion(predictions, targets, *, step, weights):
        error = ((predictions["data"] - targets["data"]) / units).square().mean(dim=(1, 2, 3, 4))
        losses.extend((error * weights).tolist())
        return error.mean()

    sample = stand_in.sample(objective, batch=20)
    fields = sample.fields["data"]
    fields[:, -1, ..., 0] = fields[:, -2, ..., 0] + stand_in.CHANGE * fields[:, -1, ..., 0]
    model = stand_in.model(objective, lambda given, number: torch.zeros_like(given))
    objective.loss(model, sample, criterion, torch.Generator().manual_seed(0))
    assert losses == pytest.approx([1.0] * 20, rel=0.25)


@pytest.mark.parametrize("options", [{}, {"sampler": "heun", "churn": 10.0, "churn_min": 0.0}])
@pytest.mark.parametrize("length", [0.0, 2000.0])
def test_members_are_alike_over_the_length_of_the_noise(options, length):
    """Of normal data that vary as the noise does: the equation goes by the score times the covariance."""
    spectrum = f"{length:g}km" if length else "white"
    objective = Diffusion(target="state", sampler_steps=80, noise_spectrum=spectrum, **options)
    model = stand_in.model(objective, normal_data(0.8))
    found = objective.advance(model, stand_in.inputs(members=400), torch.Generator().manual_seed(0))["data"]
    t = found[0, 0, :, :, 0]  # (members, points along a meridian)
    assert float(t.std()) == pytest.approx(0.8, rel=0.05)
    apart = 25  # points of 160 degrees / 199
    distance = apart * 160 / 199 * np.pi / 180 * EARTH_RADIUS
    alike = float((t[:, :-apart] * t[:, apart:]).mean() / t.square().mean())
    wanted = np.exp(-((distance / length) ** 2) / 2) if length else 0.0
    assert alike == pytest.approx(wanted, abs=0.06)


@pytest.mark.parametrize("options", [{}, {"sampler": "heun", "churn": 10.0}])
def test_the_same_seed_gives_the_same_bits_and_members_differ(options):
    objective = Diffusion(sampler_steps=5, **options)
    model = stand_in.model(objective, normal_data(1.0))
    given = stand_in.inputs(members=2)
    one, again, other = (
        objective.advance(model, given, torch.Generator().manual_seed(seed))["data"] for seed in (4, 4, 5)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one[:, :, 0], one[:, :, 1])


def test_inputs_and_noised_outputs_are_forcings_of_the_network():
    [found] = Diffusion(output_steps=2).network_domains({"data": stand_in.DOMAIN}).values()
    noised = [f"noised_{name}_{time}" for time in (0, 1) for name in ("t", "tp")]
    assert list(found.inputs) == ["t", "lsm", *noised]
    assert list(found.fixed) == noised
    assert found.prognostic == ()
    assert found.outputs == ("found_t", "found_tp")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_min": 80.0}, "sigma_min is 80, not below objective.sigma_max, which is 80"),
        ({"trained_sigma_min": 90.0}, "trained_sigma_min is 90, not below"),
        ({"churn_min": 2.0, "churn_max": 1.0}, "churn_min is 2, not below objective.churn_max, which is 1"),
        ({"sampler": "dpmpp-2m", "churn": 2.5}, "churn is 2.5, but the sampler dpmpp-2m"),
        ({"sigma_max": 100.0}, "levels from 0.03 to 100, but those from 0.02 to 88 are trained"),
        ({"sigma_min": 0.01}, "levels from 0.01 to 80, but"),
        ({"noise_spectrum": "500 miles"}, "spectrum: '500 miles' is none"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Diffusion(**options)


def test_levels_that_are_log_normal_have_no_limits():
    assert Diffusion(noise="log-normal", sigma_max=100.0).levels.highest == 100.0
