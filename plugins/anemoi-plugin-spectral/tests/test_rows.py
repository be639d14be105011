"""Which grids a quadrature is known for, and the weights of each."""

import numpy as np
import pytest
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid

from anemoi_plugin_spectral.rows import Rows

EAST = np.arange(144) * 2.5


@pytest.mark.parametrize("southward", [True, False])
@pytest.mark.parametrize(
    ("latitudes", "degrees"),
    [
        (np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(48)[0][::-1])), 48),  # exact to degree 95
        (np.linspace(90, -90, 73), 37),  # with poles, as ERA5 on 2.5°: exact to degree 72
        (np.linspace(89, -89, 90), 45),  # without: exact to degree 89
    ],
)
def test_weights_integrate_all_that_the_transform_multiplies(lattice, latitudes, degrees, southward):
    rows = Rows.of(lattice(latitudes if southward else latitudes[::-1], EAST), "data")
    assert rows.shape == (len(latitudes), 144)
    assert rows.degrees == degrees
    powers = np.arange(0, 2 * degrees - 1)  # of the sine of the latitude
    integrals = rows.weights @ np.sin(np.deg2rad(rows.latitudes))[:, None] ** powers
    np.testing.assert_allclose(integrals, np.where(powers % 2, 0, 2 / (powers + 1)), atol=1e-13)
    np.testing.assert_allclose(rows.latitudes, latitudes if southward else latitudes[::-1], atol=1e-12)


def test_weights_of_many_rows_are_those_of_gauss():
    _, expected = np.polynomial.legendre.leggauss(640)
    np.testing.assert_allclose(Rows.gaussian(640, 1280).weights, expected, atol=1e-13)


def test_latitudes_may_be_rounded(gaussian):
    grid = gaussian(48, 96)
    rows = Rows.of(Grid(grid.latitudes.round(2), grid.longitudes), "data")
    np.testing.assert_array_equal(rows.latitudes, Rows.gaussian(48, 96).latitudes)


@pytest.mark.parametrize("columns", [20, 21])
def test_few_columns_bound_the_degrees(gaussian, columns):
    degrees = Rows.of(gaussian(48, columns), "data").degrees
    # The highest order, degrees - 1, is below the Nyquist wave number, and the next would not be.
    assert degrees - 1 < columns / 2 <= degrees


@pytest.mark.parametrize("longitudes", [EAST - 180, EAST[::-1], EAST + 1.25, (EAST + 200) % 360])
def test_columns_may_begin_anywhere_and_go_either_way(lattice, longitudes):
    assert Rows.of(lattice(np.linspace(90, -90, 73), longitudes), "data").degrees == 37


@pytest.mark.parametrize(
    ("latitudes", "longitudes", "what"),
    [
        (np.linspace(60, 30, 31), EAST, "31 latitudes from 30° to 60°, neither Gaussian nor equally spaced"),
        (np.linspace(90, -90, 73), EAST[:40], "40 longitudes from 0° to 97.5°"),
        (np.linspace(90, -90, 73), EAST**1.001, "144 longitudes from 0° to"),
        (np.sort(np.random.RandomState(0).uniform(-90, 90, 20)), EAST, "20 latitudes"),
        (np.linspace(90, -90, 73), [0.0], "1 longitudes"),
    ],
)
def test_other_grids_are_refused(lattice, latitudes, longitudes, what):
    with pytest.raises(ConfigError, match="needs a full Gaussian grid") as refused:
        Rows.of(lattice(latitudes, longitudes), "ocean")
    assert f"The grid of ocean has {what}" in refused.value.what


def test_points_without_rows_are_refused():
    numbers = np.random.RandomState(0)
    with pytest.raises(
        ConfigError, match="The grid of data has 50 points that do not lie in rows and columns"
    ):
        Rows.of(Grid(numbers.uniform(-90, 90, 50), numbers.uniform(0, 360, 50)), "data")
