from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.grid import Grid


def regular(step: float) -> Grid:
    """From pole to pole, both included."""
    latitudes, longitudes = np.meshgrid(
        np.arange(90.0, -90.0 - step / 2, -step), np.arange(0.0, 360.0, step), indexing="ij"
    )
    return Grid(latitudes.reshape(-1), longitudes.reshape(-1))


def octahedral(number: int) -> Grid:
    """The octahedral reduced Gaussian grid of ECMWF: 20 points next to each pole, four more each row."""
    sines, _ = np.polynomial.legendre.leggauss(2 * number)
    half = 20 + 4 * np.arange(number)
    row = np.concatenate([half, half[::-1]])
    longitudes = np.concatenate([np.arange(points) * 360.0 / points for points in row])
    return Grid(np.repeat(np.rad2deg(np.arcsin(sines[::-1])), row), longitudes)


def scattered(points: int) -> Grid:
    vectors = np.random.default_rng(points).normal(size=(points, 3))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    x, y, z = vectors.T
    return Grid(np.rad2deg(np.arcsin(z)), np.rad2deg(np.arctan2(y, x)) + 720.0)


def regional() -> Grid:
    """Across the date line and the equator."""
    latitudes, longitudes = np.meshgrid(np.arange(-20.0, 20.0, 4.0), np.arange(160.0, 200.0, 4.0))
    return Grid(latitudes.reshape(-1), longitudes.reshape(-1))


def one_place(latitude: float, longitude: float, points: int = 1) -> Grid:
    return Grid(np.full(points, latitude), np.full(points, longitude))


GRIDS = {
    "regular with poles": regular(10.0),
    "octahedral": octahedral(8),
    "scattered": scattered(300),
    "coarse": regular(45.0),
    "regional, over the date line": regional(),
    "around a pole": Grid(np.repeat([90.0, 85.0, 80.0], 12), np.tile(np.arange(-180.0, 180.0, 30.0), 3)),
    "one point": one_place(12.0, -34.0),
    "one point on a pole": one_place(-90.0, 77.0),
    "all points in one place": one_place(90.0, 0.0, points=9),
}


@pytest.fixture(params=GRIDS.values(), ids=GRIDS.keys())
def grid(request: pytest.FixtureRequest) -> Grid:
    return request.param


@pytest.fixture
def coarse() -> Grid:
    return GRIDS["coarse"]


@pytest.fixture
def with_poles() -> Grid:
    return GRIDS["regular with poles"]


@pytest.fixture
def octahedral_grid() -> Grid:
    return GRIDS["octahedral"]
