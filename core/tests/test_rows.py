"""Rows and columns, counted by hand on small grids."""

from __future__ import annotations

import numpy as np
import pytest

from anemoi.core.areas import on_border
from anemoi.core.grid import Grid
from anemoi.core.rows import rings, rows_and_columns


def regular(latitudes, longitudes, **options) -> Grid:
    north, east = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(north.reshape(-1), east.reshape(-1), **options)


LATITUDES = [50.0, 45.0, 40.0, 35.0]
RINGS = [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize("shape", [None, (4, 5)])
def test_rings_of_a_region(shape):
    grid = regular(LATITUDES, [0.0, 5.0, 10.0, 15.0, 20.0], field_shape=shape)
    assert rings(grid).reshape(4, 5).tolist() == RINGS


def test_columns_begin_in_the_west_of_a_region_over_the_meridian_where_the_data_begin():
    grid = regular(LATITUDES, [0.0, 5.0, 350.0, 355.0], field_shape=(4, 4))
    rows, columns = rows_and_columns(grid)
    assert columns.reshape(4, 4)[0].tolist() == [2, 3, 0, 1]
    assert rows.reshape(4, 4)[:, 0].tolist() == [0, 1, 2, 3]
    assert rings(grid).reshape(4, 4)[1].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("longitudes", [np.arange(0.0, 360.0, 45.0), [20.0, 10.0, 0.0, -10.0]])
def test_columns_count_as_the_field_has_them(longitudes):
    grid = regular(LATITUDES, longitudes, field_shape=(4, len(longitudes)))
    assert rows_and_columns(grid)[1].reshape(4, -1)[0].tolist() == list(range(len(longitudes)))


def test_a_list_of_points_has_neither():
    grid = Grid(np.array([50.0, 40.0, 45.0]), np.array([0.0, 7.0, 3.0]))
    assert rows_and_columns(grid) is None
    assert rings(grid) is None


def test_the_border_of_points_without_rows():
    grid = regular(np.arange(30.0, 50.5, 1.0), np.arange(0.0, 30.5, 1.0), field_shape=(21, 31))
    np.testing.assert_array_equal(on_border(grid.positions), rings(grid) == 0)
