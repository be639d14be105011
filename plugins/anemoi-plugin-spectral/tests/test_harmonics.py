"""The transform, against formulas and against what torch-harmonics 0.9.3 gave (data/record.py)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from anemoi_plugin_spectral.block import SpectralConvolution
from anemoi_plugin_spectral.harmonics import SphericalHarmonics, legendre_functions
from anemoi_plugin_spectral.rows import Rows

ROWS = {
    "legendre-gauss": Rows.gaussian(8, 16),
    "equiangular": Rows(np.linspace(90, -90, 9), 16, 8),
    "without poles": Rows(90 - 180 * (np.arange(9) + 0.5) / 9, 16, 8),
}
RECORDED = np.load(Path(__file__).parent / "data" / "torch_harmonics.npz")


@pytest.mark.parametrize("grid", ["legendre-gauss", "equiangular"])
def test_coefficients_are_those_of_torch_harmonics(grid):
    expected = RECORDED[f"{grid} coefficients"]  # (channels, degrees, orders)
    field = torch.from_numpy(RECORDED[f"{grid} field"]).movedim(0, -1)[None]
    seen = SphericalHarmonics(ROWS[grid], expected.shape[1]).analyse(field)[0].movedim(-1, 0)
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_the_convolution_is_that_of_torch_harmonics():
    convolution = SpectralConvolution(2, SphericalHarmonics(ROWS["legendre-gauss"], 8))
    weights = torch.from_numpy(RECORDED["weights"]).permute(2, 0, 1)  # (degrees, in, out)
    with torch.no_grad():
        convolution.weights.copy_(torch.view_as_real(weights))
        seen = convolution(torch.from_numpy(RECORDED["legendre-gauss field"]).movedim(0, -1)[None])
    np.testing.assert_allclose(seen[0].movedim(-1, 0), RECORDED["convolved"], atol=1e-5)


@pytest.mark.parametrize("grid", ROWS)
def test_a_field_within_the_truncation_comes_back(grid):
    harmonics = SphericalHarmonics(ROWS[grid], ROWS[grid].degrees)
    torch.manual_seed(0)
    # Any coefficients, of real fields: those of order 0 are real, none has an order above its degree.
    given = torch.randn(2, harmonics.degrees, harmonics.degrees, 3, dtype=torch.complex64)
    given = given.movedim(-1, 1).tril().movedim(1, -1)
    given[:, :, 0] = given[:, :, 0].real.to(given.dtype)
    torch.testing.assert_close(harmonics.analyse(harmonics.synthesise(given)), given, atol=2e-6, rtol=0)


def test_a_harmonic_has_one_coefficient():
    rows = Rows.gaussian(12, 24)
    latitude = np.deg2rad(rows.latitudes)[:, None]
    longitude = np.deg2rad(np.arange(24) * 15.0)
    # The real part of Y(3, 2) is sqrt(105 / 32 pi) sin(latitude) cos(latitude)^2 cos(2 longitude).
    field = np.sqrt(105 / (32 * np.pi)) * np.sin(latitude) * np.cos(latitude) ** 2 * np.cos(2 * longitude)
    seen = SphericalHarmonics(rows, 12).analyse(torch.from_numpy(field)[None, ..., None].float())[0, ..., 0]
    expected = torch.zeros(12, 12, dtype=seen.dtype)
    expected[3, 2] = 0.5  # the other half is that of order -2
    torch.testing.assert_close(seen, expected, atol=1e-6, rtol=0)


def test_legendre_functions_stay_orthonormal_to_high_degrees():
    sines, weights = np.polynomial.legendre.leggauss(200)
    functions = legendre_functions(sines, 200)
    for order in (0, 1, 150, 199):
        products = 2 * np.pi * (functions[order] * weights) @ functions[order].T
        expected = np.diag((np.arange(200) >= order).astype(float))
        np.testing.assert_allclose(products, expected, atol=1e-10)


def test_under_autocast_it_is_as_exact():
    harmonics = SphericalHarmonics(Rows.gaussian(7, 14), 7)  # 14 is no power of two
    field = torch.randn(1, 7, 14, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coefficients = harmonics.analyse(field)
        back = harmonics.synthesise(coefficients)
    torch.testing.assert_close(coefficients, harmonics.analyse(field))
    torch.testing.assert_close(back, harmonics.synthesise(coefficients))
