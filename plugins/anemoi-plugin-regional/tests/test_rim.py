"""The rim of small regions, counted by hand, and the way to it from a boundary."""

import numpy as np
import pytest
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

from anemoi_plugin_regional.interior import Interior
from anemoi_plugin_regional.interpolation import check_covers, weights
from anemoi_plugin_regional.rim import rim_of

HOUR = np.timedelta64(3600, "s")
STEPS = Steps(inputs=(0 * HOUR,), outputs=(6 * HOUR,), step=6 * HOUR, interval=6 * HOUR)
DEGREE = 2.0 * np.pi * 6371.0 / 360.0


def regular(north, south, west, east, step, **options) -> Grid:
    latitudes = np.arange(north, south - step / 2, -step)
    longitudes = np.arange(west, east + step / 2, step)
    field = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(field[0].ravel(), field[1].ravel(), **options)


def region(grid: Grid, **constants) -> Domain:
    names = ("t", *constants)
    return Domain(
        variables=tuple(Variable(name, role=Role.FORCING if name != "t" else None) for name in names),
        grid=grid,
        frequency=6 * HOUR,
        statistics=Statistics(*np.ones((4, len(names)))),
        changes=Statistics(*np.ones((4, len(names)))),
        constants={name: np.asarray(values, dtype=np.float32) for name, values in constants.items()},
    )


BOX = region(regular(4, 0, 0, 5, 1))  # 5 rows of 6 points on the equator


@pytest.mark.parametrize(
    ("rim", "inside"), [(0, 30), (1, 3 * 4), (2, 1 * 2), ("0.5km", 3 * 4), ("1km", 3 * 4), ("112 km", 2)]
)
def test_a_rim_of_rows_or_kilometres(rim, inside):
    assert (~rim_of(BOX, rim)).sum() == inside


def test_the_rim_in_kilometres_is_that_of_all_distances_to_the_border():
    positions = BOX.grid.positions
    border = rim_of(BOX, 1)
    angles = np.rad2deg(np.arccos(np.clip(positions @ positions[border].T, -1, 1)))
    for degrees in (0.5, 0.9, 1.1, 1.9):
        np.testing.assert_array_equal(rim_of(BOX, f"{degrees * DEGREE:.3f}km"), angles.min(1) <= degrees)


def test_a_rim_that_a_constant_names():
    mask = np.zeros(30)
    mask[[0, 7]] = 1.0
    assert np.flatnonzero(rim_of(region(BOX.grid, mask=mask), "mask")).tolist() == [0, 7]


@pytest.mark.parametrize(
    ("rim", "message"),
    [
        (3, "leaves none of the 30 points"),
        ("900km", "leaves none of the 30 points"),
        ("lakes", "nor a constant of the region"),
    ],
)
def test_a_wrong_rim_is_told(rim, message):
    with pytest.raises(ConfigError, match=message):
        rim_of(BOX, rim)


def test_points_without_rows_have_a_rim_in_kilometres_alone():
    grid = regular(50, 30, 0, 30, 1)
    shuffled = np.random.default_rng(0).permutation(len(grid))
    points = region(Grid(grid.latitudes[shuffled], grid.longitudes[shuffled]))
    with pytest.raises(ConfigError, match="rows and columns"):
        rim_of(points, 2)
    np.testing.assert_array_equal(rim_of(points, "0.5km"), rim_of(region(grid), 1)[shuffled])
    globe = np.random.default_rng(0).normal(size=(500, 3))
    globe /= np.linalg.norm(globe, axis=1, keepdims=True)
    latitudes, longitudes = np.arcsin(globe[:, 2]), np.arctan2(globe[:, 1], globe[:, 0])
    with pytest.raises(ConfigError, match="needs a region with a border"):
        rim_of(region(Grid(np.rad2deg(latitudes), np.rad2deg(longitudes))), "300km")


def test_the_loss_of_the_interior_alone():
    found = Interior(domain=BOX, steps=STEPS, rim=1).weights(None, ())
    np.testing.assert_array_equal(found.numpy() == 0, rim_of(BOX, 1))
    assert found.mean() == pytest.approx(1.0)


def test_values_are_those_of_the_nearest_points_by_distance():
    coarse = regular(6.3, -2, -2.2, 8.5, 2)
    values = np.random.default_rng(1).normal(size=len(coarse))
    target = BOX.grid.positions
    angles = np.arccos(np.clip(target @ coarse.positions.T, -1, 1))
    points, shares = weights(coarse, target, "nearest")
    np.testing.assert_array_equal(points[:, 0], angles.argmin(axis=1))
    assert (shares == 1).all()
    points, shares = weights(coarse, target, "inverse-distance")
    for place in range(30):
        chord = np.linalg.norm(coarse.positions - target[place], axis=1)
        near = np.argsort(chord)[:4]
        wanted = np.average(values[near], weights=chord[near] ** -2)
        assert (values[points[place]] * shares[place]).sum() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("method", ["nearest", "inverse-distance"])
def test_at_a_point_of_the_boundary_stands_its_value(method):
    values = np.random.default_rng(1).normal(size=30)
    points, shares = weights(BOX.grid, BOX.grid.positions, method)
    np.testing.assert_allclose((values[points] * shares).sum(axis=1), values, rtol=1e-6)


@pytest.mark.parametrize(
    "coarse",
    [
        regular(6, -2, -2, 8, 2),
        regular(90, -90, 0, 350, 10),
        regular(4, 0, 0, 5, 1),
    ],
)
def test_a_boundary_that_covers(coarse):
    check_covers(coarse, BOX.grid.positions, "region", "boundary")


def test_a_region_over_the_pole_is_covered_by_rows_far_apart():
    polar = regular(88, 70, 0, 350, 2)
    check_covers(regular(86.25, -86.25, 0, 352.5, 7.5), polar.positions, "region", "boundary")


def test_a_boundary_that_does_not_cover_says_by_how_much():
    short = regular(6, -2, -2, 0, 0.5)  # ends at the meridian, and one of six columns
    message = r"does not cover the rim of region: 20 of its 30 points lie outside, up to 556 km"
    with pytest.raises(ConfigError, match=message):
        check_covers(short, BOX.grid.positions, "region", "boundary")
