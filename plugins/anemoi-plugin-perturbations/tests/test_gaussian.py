"""Noise of a spectrum on initial states."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from scipy.special import eval_legendre

from anemoi_plugin_perturbations.gaussian import Gaussian

from .conftest import numbers_of

NAMES = [f"v_{number}" for number in range(400)]


def changed(analysis, member=1, **options):
    """What is added to the states of a member, ``(time in, grid, inputs)``."""
    found = Gaussian(**options).perturbed(analysis, member, numbers_of(member))["data"]
    return (found - analysis.at(analysis.start).of(0)["data"])[0, :, 0]


def test_its_variance_and_covariance_are_those_of_the_spectrum(make, ring):
    """Of 400 variables, which have independent noise, at 36 points: against the sum of Legendre functions."""
    power = np.array([0.0, 1.0, 0.5, 2.0])
    noise = changed(make(NAMES, ring), amplitude=0.5, spectrum=power.tolist())[0, :, :400].double()
    degrees = np.arange(4)
    weights = (2 * degrees + 1) * power
    for apart in (0, 3, 9, 18):
        found = (noise * noise.roll(apart, dims=0)).mean().item()
        angle = np.cos(np.deg2rad(10.0 * apart))
        expected = 0.25 * (weights * eval_legendre(degrees, angle)).sum() / weights.sum()
        assert found == pytest.approx(expected, abs=0.012), apart
    assert noise.mean().item() == pytest.approx(0.0, abs=0.01)


def test_a_length_is_the_distance_over_which_noise_resembles_itself(make, ring):
    noise = changed(make(NAMES, ring), amplitude=1.0, spectrum="2000km")[0, :, :400]
    distance = 6371.0 * np.deg2rad(20.0)
    found = (noise * noise.roll(2, dims=0)).mean().item()
    assert found == pytest.approx(np.exp(-(distance**2) / 2 / 2000.0**2), abs=0.05)


def test_amplitudes_are_in_units_of_the_change_of_each_variable(make):
    grid = Grid(np.rad2deg(np.arcsin(np.linspace(-0.99, 0.99, 500))), np.arange(500) * 137.5)
    noise = changed(make(["a", "b"], grid, changes=[1.0, 10.0]), amplitude=0.5)
    assert noise[0, :, 0].std().item() == pytest.approx(0.5, rel=0.15)
    assert noise[0, :, 1].std().item() == pytest.approx(5.0, rel=0.15)
    assert not noise[..., 2].any()


def test_all_times_change_alike(make, ring):
    earlier, now = changed(make(["a", "b"], ring, input_steps=2))
    assert torch.equal(earlier, now)
    assert now[:, :2].all()


def test_only_the_variables_that_are_chosen_change_to_the_bit(make, ring):
    states = torch.randn(1, 36, 4, generator=numbers_of(9))
    analysis = make(["t_500", "t_850", "q_850"], ring, known=lambda time: states, relu=["q_850"])
    found = Gaussian(variables=["t_*"]).perturbed(analysis, 1, numbers_of(1))["data"][0, 0, 0]
    assert (found[:, :2] != states[0, :, :2]).all()
    assert torch.equal(found[:, 2:], states[0, :, 2:])


def test_values_stay_within_bounds(make, ring):
    found = changed(make(["q", "t"], ring, relu=["q"]))[0]
    assert (found[:, 0] >= 0).all()
    assert found[:, 0].any()
    assert (found[:, 1] < 0).any()


def test_each_member_has_noise_of_its_own(make, ring):
    analysis, perturbation = make(["a"], ring), Gaussian()
    one, other, again = (
        perturbation.perturbed(analysis, member, numbers_of(member))["data"] for member in (1, 2, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_variable_that_there_is_not_is_told(make, ring):
    with pytest.raises(ConfigError, match=r"called z_\*") as caught:
        changed(make(["t_500", "t_850"], ring), variables=["t_500", "z_*"])
    assert "t_500, t_850" in caught.value.fix


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"amplitude": 0.0}, "amplitude is 0"),
        ({"amplitude": float("nan")}, "amplitude is nan"),
        ({"spectrum": "0km"}, "length scale"),
        ({"spectrum": [0.0, -1.0]}, "power spectrum"),
    ],
)
def test_options_that_will_not_do_are_told_before_anything_is_computed(options, said):
    with pytest.raises(ConfigError, match=said):
        Gaussian(**options)


def test_without_known_changes_there_is_no_unit(make, ring):
    with pytest.raises(DataError, match="does not know how much b changes"):
        changed(make(["a", "b"], ring, changes=[1.0, np.nan]))
