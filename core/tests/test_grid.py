from __future__ import annotations

import sys
import time

import numpy as np
import pytest
from scipy.spatial import KDTree

from anemoi.core.errors import AbsentError, DataError
from anemoi.core.grid import Grid

SPHERE = 4.0 * np.pi


def regular(latitudes: np.ndarray, longitudes: np.ndarray) -> Grid:
    field = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(field[0].reshape(-1), field[1].reshape(-1), field_shape=field[0].shape)


def with_poles(step: float) -> Grid:
    return regular(90.0 - step * np.arange(round(180.0 / step) + 1), step * np.arange(round(360.0 / step)))


def octahedral(number: int) -> Grid:
    """The octahedral reduced Gaussian grid of ECMWF: 20 points next to each pole, four more each row."""
    sines, _ = np.polynomial.legendre.leggauss(2 * number)
    half = 20 + 4 * np.arange(number)
    row = np.concatenate([half, half[::-1]])
    longitudes = np.concatenate([np.arange(points) * 360.0 / points for points in row])
    return Grid(np.repeat(np.rad2deg(np.arcsin(sines[::-1])), row), longitudes)


def scattered(points: int, seed: int = 0) -> Grid:
    vectors = np.random.default_rng(seed).normal(size=(points, 3))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return Grid(np.rad2deg(np.arcsin(vectors[:, 2])), np.rad2deg(np.arctan2(vectors[:, 1], vectors[:, 0])))


def spiral_of(count: int) -> np.ndarray:
    """Unit vectors spread evenly by a Fibonacci spiral."""
    height = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    turn = np.pi * (1.0 + 5.0**0.5) * np.arange(count)
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=-1)


def box(south: float, north: float, west: float, east: float, step: float) -> Grid:
    half = step / 2.0
    return regular(np.arange(south, north + half, step), np.arange(west, east + half, step))


def turned(grid: Grid, seed: int = 1) -> Grid:
    """The same grid about another axis, as limited-area models have it."""
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    x, y, z = (grid.positions @ rotation).T
    return Grid(np.rad2deg(np.arcsin(z)), np.rad2deg(np.arctan2(y, x)))


def joined(*grids: Grid) -> Grid:
    return Grid(
        np.concatenate([grid.latitudes for grid in grids]),
        np.concatenate([grid.longitudes for grid in grids]),
    )


def nested() -> Grid:
    """A global grid with a fine one in the place of some of its points, as for a stretched model."""
    coarse = octahedral(16)
    away = (coarse.longitudes + 180.0) % 360.0 - 180.0
    outside = (np.abs(coarse.latitudes) > 12.0) | (np.abs(away) > 12.0)
    return joined(
        Grid(coarse.latitudes[outside], coarse.longitudes[outside]), box(-10.0, 10.0, -10.0, 10.0, 0.25)
    )


def test_positions_are_unit_vectors_with_the_poles_on_the_axis():
    grid = Grid(
        np.array([0.0, 0.0, 0.0, 90.0, -90.0, 30.0]), np.array([0.0, 90.0, -180.0, 12.0, -50.0, 405.0])
    )
    half, root = 0.5, np.sqrt(0.375)
    expected = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1], [root, root, half]]
    assert np.allclose(grid.positions, expected, atol=1e-15)


@pytest.mark.parametrize(
    "grid",
    [with_poles(15.0), with_poles(2.5), octahedral(16), scattered(4, seed=1), scattered(1000), nested()],
    ids=["15°", "2.5°", "O16", "4 points", "1000 points", "nested"],
)
def test_areas_of_a_global_grid_are_positive_and_cover_the_sphere(grid):
    assert grid.areas.shape == (len(grid),)
    assert grid.areas.min() > 0.0
    assert grid.areas.sum() == pytest.approx(SPHERE, rel=1e-12)


@pytest.mark.parametrize("step", [15.0, 5.0, 2.5])
def test_areas_of_a_regular_grid_are_those_of_spherical_trigonometry(step):
    """Between a meridian ``half`` a step away and the next, below an arc of a great circle.

    The corners of a cell are as far from one row as from the next: at the latitude v with
    tan(v) = cos(half) tan(m), where m is midway. From there an arc of a great circle goes from one
    side of the cell to the other, and 2 arctan(tan(half) sin(v)) is the area between it and the equator.
    """
    grid = with_poles(step)
    half = np.deg2rad(step / 2.0)
    midway = np.deg2rad(np.arange(90.0 - step / 2.0, -90.0, -step))
    corner = np.arctan(np.cos(half) * np.tan(midway))
    above_the_equator = 2.0 * np.arctan(np.tan(half) * np.sin(corner))
    edges = np.concatenate([[2.0 * half], above_the_equator, [-2.0 * half]])
    expected = np.repeat(-np.diff(edges), round(360.0 / step))
    assert np.allclose(grid.areas, expected, rtol=1e-9, atol=0.0)


def test_areas_of_a_regular_grid_approach_those_of_its_bands():
    """Parallels are not great circles; the difference falls with the square of the step."""
    worst = []
    for step in (10.0, 5.0, 2.5):
        edges = np.clip(90.0 + step / 2.0 - step * np.arange(round(180.0 / step) + 2), -90.0, 90.0)
        band = -np.diff(np.sin(np.deg2rad(edges))) * np.deg2rad(step)
        grid = with_poles(step)
        assert grid.field_shape is not None
        worst.append(np.abs(grid.areas.reshape(grid.field_shape) / band[:, None] - 1.0).max())
    assert worst[0] < 3e-3
    assert worst[0] / worst[1] == pytest.approx(4.0, rel=0.05)
    assert worst[1] / worst[2] == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("grid", [scattered(50), nested(), octahedral(4)], ids=["scattered", "nested", "O4"])
def test_areas_are_the_share_of_the_sphere_nearest_to_each_point(grid):
    """Against a count of 200,000 directions spread evenly by a Fibonacci spiral."""
    count = 200_000
    directions = spiral_of(count)
    nearest = KDTree(grid.positions).query(directions)[1]
    counted = np.bincount(nearest, minlength=len(grid)) / count * SPHERE
    # Points on a border between cells go to either side: in proportion to the root of the area.
    assert np.allclose(grid.areas, counted, rtol=2e-3, atol=5e-4)


@pytest.mark.parametrize(
    ("south", "north", "west", "east", "step"),
    [(35.0, 70.0, -10.0, 40.0, 0.5), (-25.0, 20.0, 170.0, 200.0, 1.0), (-60.0, 60.0, 0.0, 357.5, 2.5)],
    ids=["Europe", "across the date line", "without the polar caps"],
)
def test_cells_of_a_regional_grid_are_as_large_on_its_border_as_inside(south, north, west, east, step):
    """Against the areas between meridians and parallels half a step away; great circles differ a little."""
    grid = box(south, north, west, east, step)
    assert grid.field_shape is not None
    half = np.deg2rad(step / 2.0)
    expected = 4.0 * half * np.sin(half) * np.cos(np.deg2rad(grid.latitudes))
    assert np.allclose(grid.areas, expected, rtol=0.02)
    assert grid.areas.sum() == pytest.approx(expected.sum(), rel=3e-4)


def test_cells_of_a_regional_grid_do_not_hang_on_where_it_lies():
    grid = box(-12.0, 12.0, -15.0, 15.0, 0.5)
    assert np.allclose(turned(grid).areas, grid.areas, rtol=0.01)
    both = joined(grid, Grid(-grid.latitudes, grid.longitudes + 180.0))
    assert np.allclose(both.areas, np.concatenate([grid.areas, grid.areas]), rtol=0.01)


def test_cells_of_a_region_without_rows_are_bounded():
    """A part of a spiral of 20,000 points of equal areas: none on its ragged border is much larger."""
    count = 20_000
    spiral = spiral_of(count)
    centre = np.array([0.6, 0.0, 0.8])
    part = spiral[spiral @ centre > np.cos(0.5)]
    grid = Grid(np.rad2deg(np.arcsin(part[:, 2])), np.rad2deg(np.arctan2(part[:, 1], part[:, 0])))
    share = grid.areas / (SPHERE / count)
    assert share.min() > 0.6
    assert share.max() < 1.6
    assert share.mean() == pytest.approx(1.0, abs=0.02)


def test_points_in_one_place_share_its_cell():
    alone = scattered(100)
    again = [3, 3, 3, 71]
    crowded = Grid(
        np.concatenate([alone.latitudes, alone.latitudes[again]]),
        np.concatenate([alone.longitudes, alone.longitudes[again] + 360.0]),
    )
    sharing = np.ones(100)
    sharing[3], sharing[71] = 4, 2
    assert np.allclose(crowded.areas[:100], alone.areas / sharing, rtol=1e-9)
    assert np.allclose(crowded.areas[100:], (alone.areas / sharing)[again], rtol=1e-9)


def test_areas_do_not_hang_on_the_order_or_the_turn_of_the_longitudes():
    grid = octahedral(8)
    order = np.random.default_rng(0).permutation(len(grid))
    shuffled = Grid(grid.latitudes[order], grid.longitudes[order] - 360.0)
    assert np.allclose(shuffled.areas, grid.areas[order], rtol=1e-9)


def test_coordinates_in_single_precision_have_areas_too():
    grid = with_poles(5.0)
    single = Grid(grid.latitudes.astype(np.float32), grid.longitudes.astype(np.float32))  # type: ignore[arg-type]
    assert np.allclose(single.areas, grid.areas, rtol=1e-12)


@pytest.mark.parametrize(
    "grid",
    [
        Grid(np.empty(0), np.empty(0)),
        scattered(3),
        Grid(np.full(10, 90.0), np.arange(10.0)),
        Grid(np.zeros(10), 36.0 * np.arange(10)),
        Grid(np.tile(np.linspace(-80.0, 80.0, 9), 2), np.repeat([0.0, 180.0], 9)),
    ],
    ids=["no points", "three points", "one place", "the equator", "one meridian"],
)
def test_areas_that_are_undefined_are_refused(grid):
    with pytest.raises(DataError, match="at least four"):
        _ = grid.areas


def test_areas_of_forty_thousand_points_take_seconds():
    grid = octahedral(96)
    assert len(grid) == 40_320
    start = time.process_time()
    assert grid.areas.sum() == pytest.approx(SPHERE, rel=1e-12)
    assert time.process_time() - start < 10.0  # One or two; ten times as many leave no doubt.


@pytest.mark.parametrize(
    ("latitudes", "longitudes", "shape", "message"),
    [
        ([0.0, 1.0], [0.0], None, "one latitude and one longitude"),
        ([[0.0]], [[0.0]], None, "one latitude and one longitude"),
        ([np.nan], [0.0], None, "finite"),
        ([0.0], [np.inf], None, "finite"),
        ([90.5], [0.0], None, r"within \[-90, 90\], but one is 90.5"),
        ([0.0, 1.0], [0.0, 0.0], (2, 2), r"shape \(2, 2\) does not have the 2 points"),
    ],
)
def test_impossible_coordinates_are_refused(latitudes, longitudes, shape, message):
    with pytest.raises(DataError, match=message):
        Grid(np.array(latitudes), np.array(longitudes), field_shape=shape)


def test_grids_match_by_their_points_in_order():
    grid = with_poles(30.0)
    assert grid.matches(Grid(grid.latitudes, grid.longitudes - 360.0))
    assert grid.matches(Grid(grid.latitudes - 5e-4 * np.sign(grid.latitudes), grid.longitudes + 5e-4))
    assert grid.matches(Grid(grid.latitudes, np.where(grid.latitudes == 90.0, 0.0, grid.longitudes)))
    assert not grid.matches(Grid(grid.latitudes[::-1], grid.longitudes))
    assert not grid.matches(Grid(grid.latitudes, grid.longitudes + 0.1))
    assert grid.matches(Grid(grid.latitudes, grid.longitudes + 720.0))
    assert not grid.matches(Grid(grid.latitudes, grid.longitudes + 500.0))
    assert not grid.matches(Grid(grid.latitudes[:-1], grid.longitudes[:-1]))
    assert Grid(np.empty(0), np.empty(0)).matches(Grid(np.empty(0), np.empty(0)))


def test_the_axes_of_rows_and_columns_are_found_with_and_without_the_shape():
    north, east = np.array([60.0, 50.0, 40.0]), np.array([350.0, 355.0, 0.0, 5.0])
    whole = regular(north, east)
    for grid in (whole, Grid(whole.latitudes, whole.longitudes)):
        assert grid.axes is not None
        np.testing.assert_array_equal(grid.axes[0], north)
        np.testing.assert_array_equal(grid.axes[1], [350.0, 355.0, 360.0, 365.0])


@pytest.mark.parametrize(
    "grid",
    [
        octahedral(4),
        Grid(np.array([60.0, 0.0, -60.0]), np.array([0.0, 120.0, 240.0])),
        Grid(np.array([1.0, 1.1, 2.0, 2.1]), np.array([5.0, 6.0, 5.1, 6.1]), (2, 2)),
        regular(np.array([10.0, 30.0, 20.0]), np.array([0.0, 1.0])),
        regular(np.array([10.0, 20.0]), np.array([0.0, 2.0, 1.0])),
        regular(np.array([10.0, 20.0]), np.array([0.0, 120.0, 240.0, 360.0])),
        Grid(np.array([]), np.array([])),
    ],
    ids=["octahedral", "scattered", "rotated", "rows", "columns", "round", "empty"],
)
def test_other_grids_have_no_axes(grid):
    assert grid.axes is None


def test_without_scipy_the_areas_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anemoi.core.areas", None)
    with pytest.raises(AbsentError, match=r'pip install "anemoi-core\[areas\]"'):
        _ = Grid(np.array([0.0, 10, 20, 30]), np.array([0.0, 50, 100, 150])).areas
