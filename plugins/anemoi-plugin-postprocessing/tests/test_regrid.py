import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable
from scipy.interpolate import RegularGridInterpolator

from anemoi_plugin_postprocessing.grids import grid_of
from anemoi_plugin_postprocessing.regrid import Regrid

from .making import rows_and_columns

X = Variable("x", units="K")
WIND = (Variable("10u", units="m s**-1"), Variable("10v", units="m s**-1"))


def smooth(grid):
    """A wave of two cycles around the globe, and a gradient to the pole."""
    latitude, longitude = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
    return 280.0 - 40.0 * np.sin(latitude) ** 2 + 10.0 * np.cos(latitude) ** 2 * np.cos(2 * longitude)


@pytest.mark.parametrize(("method", "error"), [("linear", 0.25), ("inverse-distance", 1.1), ("nearest", 2.5)])
@pytest.mark.parametrize(
    ("source", "target"), [("O32", 3.0), (3.0, "O32"), ("F24", [2.0, 4.0]), (5.0, "F24")]
)
def test_a_smooth_field_stays_what_it_is(describe, made, source, target, method, error):
    grid = grid_of(source, None)
    step = Regrid(forecast=describe(X, grid=grid), grid=target, method=method)
    (fields,) = made(step, smooth(grid)[None, :, None])
    assert np.abs(fields[0, :, 0] - smooth(step.after.grid)).max() < error


@pytest.mark.parametrize("method", ["linear", "inverse-distance", "nearest"])
def test_on_its_own_grid_nothing_changes(describe, made, method):
    grid = grid_of("O8", None)
    values = np.random.default_rng(0).normal(size=(2, len(grid), 1)).astype(np.float32)
    (fields,) = made(Regrid(forecast=describe(X, members=2, grid=grid), grid="O8", method=method), values)
    np.testing.assert_array_equal(fields, values)


def test_the_mean_of_the_globe_hardly_changes_and_nothing_overshoots(describe, made):
    grid = grid_of("O32", None)
    step = Regrid(forecast=describe(X, grid=grid), grid=2.5)
    values = smooth(grid)
    (fields,) = made(step, values[None, :, None])
    target = step.after.grid
    mean = np.average(fields[0, :, 0], weights=target.areas)
    assert mean == pytest.approx(np.average(values, weights=grid.areas), abs=0.02)
    assert values.min() <= fields.min()
    assert fields.max() <= np.float32(values.max())


def test_a_wind_across_the_pole_stays_one(describe, made):
    """A flow straight over the pole: each component turns its sign there, the wind does not."""
    grid = grid_of(5.0, None)

    def flow(grid):  # along the x axis of space, projected to the sphere
        latitude, longitude = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
        return np.stack([-np.sin(longitude), -np.sin(latitude) * np.cos(longitude)], axis=-1) * 20.0

    for method, error in (("linear", 0.1), ("inverse-distance", 0.5)):
        step = Regrid(forecast=describe(*WIND, grid=grid), grid="O48", method=method)
        (fields,) = made(step, flow(grid)[None])
        assert np.abs(fields[0] - flow(step.after.grid)).max() < error
    # By components it is not: without a partner, u next to the pole is wrong by far more.
    alone = Regrid(forecast=describe(WIND[0], grid=grid), grid="O48", method="inverse-distance")
    (u,) = made(alone, flow(grid)[None, :, :1])
    assert np.abs(u[0, :, 0] - flow(step.after.grid)[:, 0]).max() > 1.0


def test_directions_are_those_of_a_point(describe, made):
    grid = grid_of(10.0, None)
    step = Regrid(forecast=describe(Variable("10wdir", units="degrees"), grid=grid), grid=7.0)
    values = np.where(np.arange(len(grid)) % 2, 359.0, 1.0)
    (fields,) = made(step, values[None, :, None])
    assert set(np.unique(fields)) == {1.0, 359.0}


def test_what_is_missing_is_missing_where_its_point_is_the_nearest(describe, made):
    grid = grid_of(10.0, None)
    land = np.abs(grid.latitudes) < 35.0
    step = Regrid(forecast=describe(X, grid=grid), grid=[4.0, 10.0])
    (fields,) = made(step, np.where(land, np.nan, 280.0)[None, :, None])
    inside = np.abs(step.after.grid.latitudes) < 35.0
    np.testing.assert_array_equal(np.isnan(fields[0, :, 0]), inside)
    np.testing.assert_allclose(fields[0, ~inside, 0], 280.0)


def test_grids_are_what_they_are_called():
    octahedral = grid_of("O96", None)
    assert len(octahedral) == 40320  # as ECMWF says
    assert octahedral.latitudes[0] == pytest.approx(89.284, abs=1e-3)
    counts = np.unique(octahedral.latitudes, return_counts=True)[1]
    assert (counts[0], counts.max()) == (20, 400)
    assert grid_of("F48", None).field_shape == (96, 192)
    assert grid_of(1.0, None).field_shape == (181, 360)
    assert grid_of([0.1, 0.1], [60.0, -10.0, 40.0, 30.0]).field_shape == (201, 401)
    assert grid_of(2.5, [90.0, -180.0, -90.0, 180.0]).field_shape == (73, 144)


@pytest.mark.parametrize("spec", ["N47", "O0", "1x1", "o96", 0.0, -1.0, [1.0, 2.0, 3.0], 100.0])
def test_other_grids_are_refused(spec):
    with pytest.raises(ConfigError, match="grid: "):
        grid_of(spec, None)


def test_a_field_that_is_linear_in_degrees_stays_so(describe, made):
    """In a region across Greenwich; rows from the south, columns from the east."""
    source = rows_and_columns(np.arange(40, 61, 2), np.arange(12, -13, -3))
    step = Regrid(forecast=describe(X, grid=source), grid=0.7, area=[59.5, -12, 40, 11])
    (fields,) = made(step, (source.latitudes + 2.0 * source.longitudes)[None, :, None])
    target = step.after.grid
    east = (target.longitudes + 180.0) % 360.0 - 180.0
    np.testing.assert_allclose(fields[0, :, 0], target.latitudes + 2.0 * east, rtol=1e-5, atol=1e-5)


def test_points_in_no_rows_are_weighted_by_distance(describe, made):
    turns = np.arange(2000.0) + 0.5
    scattered = Grid(np.rad2deg(np.arcsin(1 - turns / 1000)), turns * 137.50776 % 360.0)
    with pytest.raises(DataError, match=r"no rows.*\n.*inverse-distance"):
        Regrid(forecast=describe(X, grid=scattered), grid=5.0)
    step = Regrid(forecast=describe(X, grid=scattered), grid=5.0, method="inverse-distance")
    (fields,) = made(step, smooth(scattered)[None, :, None])
    assert np.abs(fields[0, :, 0] - smooth(step.after.grid)).max() < 1.1


def test_nothing_is_extrapolated(describe):
    region = rows_and_columns(np.arange(60, 39, -1), np.arange(0, 21))
    with pytest.raises(DataError, match=r"points of the grid lie where the forecast has none.*\n.*area"):
        Regrid(forecast=describe(X, grid=region), grid=5.0)
    inside = Regrid(forecast=describe(X, grid=region), grid=0.5, area=[59, 1, 41, 19])
    assert inside.after.grid.field_shape == (37, 37)


@pytest.mark.parametrize(("source", "target"), [(5.0, "O16"), (2.5, "F24"), (5.0, [4.0, 3.0])])
def test_it_interpolates_as_scipy_does_in_rows_and_columns(describe, made, source, target):
    grid = grid_of(source, None)
    values = np.random.default_rng(0).normal(size=grid.field_shape)
    step = Regrid(forecast=describe(X, grid=grid), grid=target)
    (fields,) = made(step, values.reshape(1, -1, 1).astype(np.float32))
    latitudes = grid.latitudes.reshape(grid.field_shape)[:, 0]
    longitudes = np.append(grid.longitudes.reshape(grid.field_shape)[0], 360.0)
    around = np.concatenate([values, values[:, :1]], axis=1)
    expected = RegularGridInterpolator((-latitudes, longitudes), around)
    points = np.stack([-step.after.grid.latitudes, step.after.grid.longitudes % 360.0], axis=-1)
    np.testing.assert_allclose(fields[0, :, 0], expected(points), atol=1e-5)
