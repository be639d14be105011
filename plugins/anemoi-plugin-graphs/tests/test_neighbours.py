"""Neighbours against all distances between all points."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.grid import Grid

from anemoi_plugin_graphs.icosphere import icosphere
from anemoi_plugin_graphs.neighbours import join, nearest, within

RADIUS = 0.35


def haversine(one: Grid, other: Grid) -> np.ndarray:
    """Angles between all points of one and of the other, from their coordinates alone."""
    latitude, longitude = np.deg2rad(one.latitudes)[:, None], np.deg2rad(one.longitudes)[:, None]
    other_latitude, other_longitude = np.deg2rad(other.latitudes), np.deg2rad(other.longitudes)
    half = (
        np.sin((other_latitude - latitude) / 2.0) ** 2
        + np.cos(latitude) * np.cos(other_latitude) * np.sin((other_longitude - longitude) / 2.0) ** 2
    )
    return 2.0 * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


@pytest.fixture
def mesh() -> Grid:
    x, y, z = icosphere(2).vertices.T
    return Grid(np.rad2deg(np.arcsin(z)), np.rad2deg(np.arctan2(y, x)))


def as_matrix(pairs, num_targets, num_sources):
    matrix = np.zeros((num_targets, num_sources), dtype=np.int64)
    np.add.at(matrix, (pairs[:, 1], pairs[:, 0]), 1)
    return matrix


def test_within_a_radius(grid, mesh):
    angles = haversine(mesh, grid)
    pairs = within(grid.positions, mesh.positions, 2.0 * np.sin(RADIUS / 2.0))
    assert np.array_equal(as_matrix(pairs, *angles.shape), angles <= RADIUS)


def test_a_radius_includes_its_end(grid):
    angles = haversine(grid, grid)
    furthest = angles.max()
    pairs = within(grid.positions, grid.positions, 2.0 * np.sin(furthest / 2.0))
    assert as_matrix(pairs, *angles.shape).all()


@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("upwards", [True, False])
def test_nearest(grid, mesh, count, upwards):
    sources, targets = (grid, mesh) if upwards else (mesh, grid)
    angles = haversine(targets, sources)
    pairs = nearest(sources.positions, targets.positions, count)
    count = min(count, len(sources))
    chosen = as_matrix(pairs, *angles.shape)
    assert chosen.max() == 1
    assert (chosen.sum(axis=1) == count).all()
    # Rounded before they are ranked, and ranked by a stable sort: of equal ones, the first.
    ranks = np.argsort(angles.round(6), axis=1, kind="stable")[:, :count]
    expected = np.zeros_like(chosen)
    np.put_along_axis(expected, ranks, 1, axis=1)
    assert np.array_equal(chosen, expected)


def test_of_equally_near_sources_the_first_are_taken():
    circle = Grid(np.zeros(8), np.arange(8) * 45.0 + 0.3)
    pole = Grid(np.array([90.0]), np.array([0.0]))
    assert nearest(circle.positions, pole.positions, 3).tolist() == [[0, 0], [1, 0], [2, 0]]


def test_join_takes_what_either_option_gives(grid, mesh):
    radius = 2.0 * np.sin(RADIUS / 2.0)
    sources, targets = grid.positions, mesh.positions
    both = join(sources, targets, radius=radius, num_nearest_neighbours=2)
    expected = {*map(tuple, within(sources, targets, radius)), *map(tuple, nearest(sources, targets, 2))}
    assert set(map(tuple, both)) == expected
    assert len(both) == len(expected)
    assert [tuple(pair) for pair in both] == sorted(expected, key=lambda pair: (pair[1], pair[0]))


def test_a_target_with_nothing_near_is_joined_to_its_nearest(grid, mesh):
    angles = haversine(mesh, grid)
    pairs = join(grid.positions, mesh.positions, radius=0.05, num_nearest_neighbours=None)
    joined = as_matrix(pairs, *angles.shape)
    near = 2.0 * np.sin(angles / 2.0) <= 0.05
    lonely = ~near.any(axis=1)
    assert lonely.any()
    assert np.array_equal(joined[~lonely], near[~lonely])
    assert (joined[lonely].sum(axis=1) == 1).all()
    assert np.allclose(angles[lonely][joined[lonely] == 1], angles[lonely].min(axis=1), atol=1e-7)
