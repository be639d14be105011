import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid

from anemoi_plugin_coupling.regridding import Regridding

GENERATOR = np.random.default_rng(0)


def scattered(points):
    """Anywhere on the globe, as many points as near the equator for their area."""
    latitudes = np.degrees(np.arcsin(GENERATOR.uniform(-1, 1, points)))
    return Grid(latitudes, GENERATOR.uniform(-180, 360, points))


def angles(source, target):
    """The angle between each point of a target and each of a source, by spherical trigonometry."""
    (lat, lon), (to_lat, to_lon) = (
        np.deg2rad([each.latitudes, each.longitudes]) for each in (source, target)
    )
    half = np.sin((to_lat[:, None] - lat) / 2) ** 2
    return half + np.cos(to_lat[:, None]) * np.cos(lat) * np.sin((to_lon[:, None] - lon) / 2) ** 2


@pytest.mark.parametrize("neighbours", [1, 4])
def test_it_is_the_mean_of_the_nearest_that_have_values(neighbours):
    source, target = scattered(300), scattered(100)
    values = GENERATOR.normal(size=(2, 300)).astype(np.float32)
    land = source.latitudes > 20
    values[:, land] = np.nan
    chord = 2 * np.sqrt(angles(source, target))
    chord[:, land] = np.inf
    for point, made in enumerate(Regridding(source, target, neighbours)(values).T):
        near = np.argsort(chord[point])[:neighbours]
        weight = 1 / chord[point, near]
        np.testing.assert_allclose(made, values[:, near] @ weight / weight.sum(), rtol=1e-5, atol=1e-6)


def test_the_same_points_keep_their_values_also_at_the_pole_and_the_date_line():
    grid = Grid(np.array([90.0, -90.0, 0.0, 0.0, 10.0]), np.array([0.0, 20.0, 180.0, 359.0, -1.0]))
    same = Grid(grid.latitudes, np.array([77.0, -5.0, -180.0, -1.0, 359.0]))
    values = np.arange(5, dtype=np.float32)[None]
    np.testing.assert_array_equal(Regridding(grid, same, 4)(values), values)


def test_weights_follow_a_mask_that_changes():
    source, target = scattered(50), scattered(20)
    values = GENERATOR.normal(size=(1, 50)).astype(np.float32)
    frozen = np.where(np.arange(50) % 2, values, np.nan).astype(np.float32)
    one = Regridding(source, target, 3)
    first = one(values)
    np.testing.assert_array_equal(one(frozen), Regridding(source, target, 3)(frozen))
    np.testing.assert_array_equal(one(values), first)


def test_points_may_stay_without_values_and_few_points_suffice():
    source, target = scattered(2), scattered(3)
    missing = np.array([False, True, False])
    made = Regridding(source, target, 4, missing)(np.float32([[1.0, 1.0]]))
    np.testing.assert_allclose(made, [[1.0, np.nan, 1.0]])


def test_without_values_there_is_nothing():
    with pytest.raises(DataError, match="No point has a value"):
        Regridding(scattered(2), scattered(2), 1)(np.float32([[np.nan, np.nan]]))
