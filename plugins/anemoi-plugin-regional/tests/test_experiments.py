"""What the experiments say of their data, counted on the data."""

from types import SimpleNamespace

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.rows import rings


def test_the_region_of_the_stretched_grid_is_the_first_points_and_the_box_of_the_scaler():
    values = config.compose("train", ["+experiment=stretched-grid"]).values
    grid = config.build("source", values["data"]).grid
    box = values["scalers"]["region"]
    inside = (grid.latitudes <= box["north"]) & (grid.latitudes >= box["south"])
    inside &= (grid.longitudes - box["west"]) % 360.0 <= (box["east"] - box["west"])
    count = values["graph"]["attributes"]["data"]["region"]["stop"]
    assert (len(grid), count) == (336 + 1068, 336)
    np.testing.assert_array_equal(np.flatnonzero(inside), np.arange(count))


def test_half_of_the_loss_is_inside_the_region():
    values = config.compose("train", ["+experiment=stretched-grid"]).values
    grid = config.build("source", values["data"]).grid
    scaler = config.build(
        "scaler", values["scalers"]["region"], domain=SimpleNamespace(grid=grid), steps=None
    )
    shares = scaler.weights(None, ()).numpy() * grid.areas
    assert shares[:336].sum() / shares.sum() == pytest.approx(0.5, rel=1e-5)


def test_the_limited_area_has_192_points_within_its_rim():
    values = config.compose("train", ["+experiment=limited-area"]).values
    grid = config.build("source", values["domains"]["region"]["data"]).grid
    assert (rings(grid) >= values["objective"]["rim"]).sum() == 192
