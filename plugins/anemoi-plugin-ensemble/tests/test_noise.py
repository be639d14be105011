import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError
from scipy.special import eval_legendre

from anemoi_plugin_ensemble.noise import SphericalNoise, smooth_spectrum

POWERS = np.array([0.5, 1.0, 0.0, 2.0, 0.3, 0.0, 0.1, 0.4])
"""Uneven, so that an error at any degree shows."""


def scattered(points=40, seed=1):
    random = np.random.default_rng(seed)
    return np.rad2deg(np.arcsin(random.uniform(-1, 1, points))), random.uniform(-180, 360, points)


def cosines(latitudes, longitudes):
    """Of the angles between all pairs of points."""
    latitude, longitude = np.deg2rad(latitudes), np.deg2rad(longitudes)
    place = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
    return (place.T @ place).clip(-1, 1)


def covariance(noise):
    """Of all pairs of points, without sampling: of the matrix from coefficients to values."""
    matrix = noise.synthesise(torch.eye(noise.degrees**2)).double().numpy()
    return matrix @ matrix.T


@pytest.mark.parametrize("spectrum", [POWERS, smooth_spectrum(2000.0)], ids=["uneven", "smooth"])
def test_covariance_depends_on_the_angle_alone_and_follows_the_spectrum(spectrum):
    points = scattered()
    weights = (2 * np.arange(len(spectrum)) + 1) * spectrum
    wanted = (
        sum(w * eval_legendre(degree, cosines(*points)) for degree, w in enumerate(weights)) / weights.sum()
    )
    found = covariance(SphericalNoise(*points, spectrum))
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    np.testing.assert_allclose(found.diagonal(), 1.0, atol=2e-5)


def test_a_high_degree_is_as_exact():
    points = scattered(20)
    spectrum = np.zeros(151)
    spectrum[150] = 1.0
    draws = SphericalNoise(*points, spectrum).draw(torch.Generator().manual_seed(0), 1000).double()
    found, wanted = draws @ draws.T / 1000, eval_legendre(150, cosines(*points))
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.2)  # some five standard errors


def test_draws_have_mean_zero_and_variance_one():
    draws = SphericalNoise(*scattered(), POWERS).draw(torch.Generator().manual_seed(0), 20000)
    assert draws.shape == (40, 20000)
    assert draws.dtype == torch.float32
    assert draws.mean(dim=1).abs().max() < 0.04  # some five standard errors
    assert (draws.var(dim=1) - 1).abs().max() < 0.06


def test_the_same_generator_gives_the_same_bits():
    noise = SphericalNoise(*scattered(), POWERS)
    again = SphericalNoise(*scattered(), POWERS)
    first, second = (each.draw(torch.Generator().manual_seed(7), 3) for each in (noise, again))
    assert torch.equal(first, second)
    assert not torch.equal(first, noise.draw(torch.Generator().manual_seed(8), 3))


def test_a_smooth_spectrum_has_its_length_scale():
    distance = 1500.0
    apart = np.rad2deg(distance / 6371.0)
    found = covariance(SphericalNoise([10.0, 10.0 + apart], [0.0, 0.0], smooth_spectrum(1000.0)))
    assert found[0, 1] == pytest.approx(np.exp(-(distance**2) / (2 * 1000.0**2)), abs=0.01)


@pytest.mark.parametrize("spectrum", [[], [0.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [[1.0]]])
def test_a_spectrum_that_is_none_is_refused(spectrum):
    with pytest.raises(ConfigError, match="no power spectrum"):
        SphericalNoise([0.0], [0.0], spectrum)


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_a_length_scale_is_positive(length):
    with pytest.raises(ConfigError, match="length scale"):
        smooth_spectrum(length)
