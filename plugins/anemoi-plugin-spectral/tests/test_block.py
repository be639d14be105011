"""The parts of a layer."""

import pytest
import torch

from anemoi_plugin_spectral.block import Block, Norm, SpectralConvolution
from anemoi_plugin_spectral.harmonics import SphericalHarmonics
from anemoi_plugin_spectral.rows import Rows


@pytest.fixture
def harmonics():
    return SphericalHarmonics(Rows.gaussian(12, 24), 12)


def _smooth(harmonics, channels, degrees=5):
    """Random fields of low degrees."""
    torch.manual_seed(0)
    coefficients = torch.randn(1, harmonics.degrees, harmonics.degrees, channels, dtype=torch.complex64)
    coefficients = coefficients.movedim(-1, 1).tril().movedim(1, -1)
    coefficients[:, degrees:] = 0
    return harmonics.synthesise(coefficients)


def test_weights_of_one_reproduce_a_smooth_field(harmonics):
    convolution = SpectralConvolution(3, harmonics)
    with torch.no_grad():
        convolution.weights.zero_()[..., 0] = torch.eye(3)
    field = _smooth(harmonics, 3)
    torch.testing.assert_close(convolution(field), field, atol=1e-5, rtol=0)


def test_weights_that_grow_with_the_degree_are_a_laplacian(harmonics):
    convolution = SpectralConvolution(1, harmonics)
    degree = torch.arange(12.0)
    with torch.no_grad():
        convolution.weights.zero_()[:, 0, 0, 0] = -degree * (degree + 1)
    sines = torch.from_numpy(Rows.gaussian(12, 24).latitudes).float().deg2rad().sin()
    field = (3 * sines**2 - 1)[None, :, None, None].expand(1, 12, 24, 1)  # of degree 2
    torch.testing.assert_close(convolution(field), -6 * field, atol=1e-4, rtol=0)


def test_new_weights_keep_the_size_of_fields(harmonics):
    torch.manual_seed(0)
    field = _smooth(harmonics, 64, degrees=12)
    with torch.no_grad():
        assert 0.8 < SpectralConvolution(64, harmonics)(field).std() / field.std() < 1.2


def test_instance_norm_weighs_points_by_area(harmonics):
    sines = torch.from_numpy(Rows.gaussian(12, 24).latitudes).float().deg2rad().sin()
    areas = harmonics.weights / harmonics.weights.sum() / 24
    norm = Norm(1, "instance_norm", areas, 0)
    field = (sines**2)[None, :, None, None].expand(1, 12, 24, 1)
    # Over the sphere the square of the sine of the latitude has the mean 1/3 and the variance 4/45.
    expected = (field - 1 / 3) / (4 / 45) ** 0.5
    torch.testing.assert_close(norm(4 + 7 * field, None), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("normalisation", ["instance_norm", "layer_norm", "none"])
def test_a_new_block_does_not_depend_on_the_condition_and_a_trained_one_does(harmonics, normalisation):
    block = Block(
        channels=4, hidden=8, harmonics=harmonics, normalisation=normalisation, condition_channels=2
    )
    field, one, other = torch.randn(1, 12, 24, 4), torch.zeros(1, 2), torch.ones(1, 2)
    assert torch.equal(block(field, one), block(field, other))
    torch.nn.init.normal_(block.first.modulation.weight)
    assert not torch.allclose(block(field, one), block(field, other))
