"""What earthkit-geo brings, beside it and beside what integrals must be."""

import subprocess
import sys

import numpy as np
import pytest
from anemoi.core.errors import AbsentError, ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing import mir
from anemoi_plugin_postprocessing.grids import grid_of
from anemoi_plugin_postprocessing.regrid import Regrid

from .making import rows_and_columns

X = Variable("x", units="K")
WIND = (Variable("10u", units="m s**-1"), Variable("10v", units="m s**-1"))
PAIRS = [("O32", 2.0), (2.5, "O16"), ("N32", 5.0), (3.0, "N24"), ("F24", [3.0, 2.0]), (5.0, "F16")]


@pytest.fixture(scope="module", autouse=True)
def earthkit_geo():
    return pytest.importorskip("earthkit.geo.grids.array")


def boxes(grid):
    """The areas of boxes: the weights of Gaussian quadrature, or between parallels half-way to the next."""
    latitudes, row, count = np.unique(grid.latitudes, return_inverse=True, return_counts=True)
    sines, weights = np.polynomial.legendre.leggauss(len(latitudes))
    if not np.allclose(np.sin(np.deg2rad(latitudes)), sines, atol=1e-6):
        weights = np.diff(np.sin(np.deg2rad([-90.0, *(latitudes[1:] + latitudes[:-1]) / 2, 90.0])))
    return (weights / count)[row]


def mean(grid, values):
    return np.average(values, weights=boxes(grid))


def noise(grid):
    return np.random.default_rng(0).normal(size=(1, len(grid), 1)).astype(np.float32)


def smooth(grid):
    latitude, longitude = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
    return 280.0 - 40.0 * np.sin(latitude) ** 2 + 10.0 * np.cos(latitude) ** 2 * np.cos(2 * longitude)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_averages_over_boxes_keep_the_integral_over_the_globe(describe, made, source, target):
    grid = grid_of(source, None)
    values = noise(grid)
    error = {}
    for method in ("grid-box-average", "linear", "mir-linear"):
        step = Regrid(forecast=describe(X, grid=grid), grid=target, method=method)
        (fields,) = made(step, values)
        error[method] = abs(mean(step.after.grid, fields[0, :, 0]) - mean(grid, values[0, :, 0]))
    assert error["grid-box-average"] < 1e-7  # in single precision
    assert min(error["linear"], error["mir-linear"]) > 1e-5


@pytest.mark.parametrize("method", mir.METHODS)
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_values_are_those_of_earthkit_geo(describe, made, earthkit_geo, source, target, method):
    def name(spec):
        # It has the spacing of longitudes first.
        return {"grid": spec if isinstance(spec, str) else [*np.broadcast_to(spec, 2)[::-1].tolist()]}

    grid = grid_of(source, None)
    values = noise(grid)
    (fields,) = made(Regrid(forecast=describe(X, grid=grid), grid=target, method=method), values)
    theirs, _ = earthkit_geo.regrid(
        values.ravel().astype(float), name(source), name(target), interpolation=mir.METHODS[method]
    )
    np.testing.assert_allclose(fields.ravel(), theirs.ravel(), atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [("O32", 1.0), ("O32", 2.5), (2.5, "O32"), (1.0, 2.5)])
def test_our_linear_is_nearly_that_of_earthkit_geo(describe, made, source, target):
    grid = grid_of(source, None)
    values = smooth(grid)[None, :, None]
    ours, theirs = (
        made(Regrid(forecast=describe(X, grid=grid), grid=target, method=method), values)[0]
        for method in ("linear", "mir-linear")
    )
    assert np.abs(ours - theirs).max() < 0.03


@pytest.mark.parametrize("method", mir.METHODS)
def test_points_may_come_in_another_order(describe, made, method):
    """From the south, and from -180°."""

    def field(grid):
        return grid.latitudes + 10.0 * np.sin(np.deg2rad(grid.longitudes))

    usual = grid_of(5.0, None)
    source = rows_and_columns(np.arange(-90, 91, 5), np.arange(-180, 180, 5))
    one, other = (
        made(Regrid(forecast=describe(X, grid=grid), grid="O16", method=method), field(grid)[None, :, None])
        for grid in (usual, source)
    )
    np.testing.assert_allclose(one[0], other[0], atol=1e-4)


@pytest.mark.parametrize("method", mir.METHODS)
def test_of_an_area_boxes_end_where_it_does(describe, made, method):
    source = rows_and_columns(np.linspace(60, 40, 81, dtype=np.float32), np.linspace(-10, 20, 121))
    step = Regrid(forecast=describe(X, grid=source), grid=1.0, method=method, area=[59, -9, 41, 19])
    (fields,) = made(step, source.latitudes[None, :, None])
    expected = step.after.grid.latitudes.reshape(19, 29).copy()
    if method == "grid-box-average":
        expected[0], expected[-1] = 58.75, 41.25
    np.testing.assert_allclose(fields.reshape(19, 29), expected, atol=0.01)


def test_a_wind_is_averaged_as_a_vector(describe, made):
    """A flow straight over the pole: its eastward component turns its sign there."""
    grid = grid_of(1.0, None)

    def flow(grid):
        latitude, longitude = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
        return np.stack([-np.sin(longitude), -np.sin(latitude) * np.cos(longitude)], axis=-1) * 20.0

    step = Regrid(forecast=describe(*WIND, grid=grid), grid="O16", method="grid-box-average")
    (fields,) = made(step, flow(grid)[None])
    assert np.abs(fields[0] - flow(step.after.grid)).max() < 0.2


def test_missing_points_have_no_part_in_an_average(describe, made):
    grid = grid_of(1.0, None)
    land = grid.latitudes > 0.0
    step = Regrid(forecast=describe(X, grid=grid), grid=10.0, method="grid-box-average")
    (fields,) = made(step, np.where(land, np.nan, 280.0)[None, :, None])
    inside = step.after.grid.latitudes > 5.0
    assert np.isnan(fields[0, inside, 0]).all()
    np.testing.assert_allclose(fields[0, step.after.grid.latitudes < 0.0, 0], 280.0)
    assert not np.isin(fields[~np.isnan(fields)], 280.0, invert=True).any()


def test_a_classical_grid_is_written_too(describe):
    assert len(grid_of("N320", None)) == 542080  # as ECMWF says
    with pytest.raises(ConfigError, match=r"no N47.*\n.*N48"):
        grid_of("N47", None)


def test_what_mir_cannot_do_is_said(describe, monkeypatch):
    turns = np.arange(2000.0) + 0.5
    scattered = Grid(np.rad2deg(np.arcsin(1 - turns / 1000)), turns * 137.50776 % 360.0)
    with pytest.raises(DataError, match=r"no grid of rows and columns.*\n.*method: linear"):
        Regrid(forecast=describe(X, grid=scattered), grid=5.0, method="grid-box-average")
    monkeypatch.setitem(mir.METHODS, "mir-linear", "unheard-of")
    with pytest.raises(
        DataError, match=r"MIR cannot compute unheard-of from .*O4.* to .*: .+\nChoose another"
    ):
        Regrid(forecast=describe(X, grid=grid_of("O4", None)), grid=10.0, method="mir-linear")


def test_weights_are_computed_once_and_in_silence(describe, capfd, monkeypatch):
    grid = grid_of("O8", None)
    Regrid(forecast=describe(X, grid=grid), grid=9.0, method="grid-box-average")
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(subprocess, "run", None)
    Regrid(forecast=describe(X, grid=grid), grid=9.0, method="grid-box-average")


@pytest.mark.parametrize("method", mir.METHODS)
@pytest.mark.parametrize("area", [[60.9, 0, 40, 30], [60, -0.9, 40, 30]])
def test_points_beyond_all_of_the_forecast_are_refused_instead_of_made_zero(describe, method, area):
    region = grid_of(1.0, [60, 0, 40, 30])
    with pytest.raises(
        DataError, match=r"points of the grid lie where the forecast has none, one at latitude"
    ):
        Regrid(forecast=describe(X, grid=region), grid=1.0, area=area, method=method)
    Regrid(forecast=describe(X, grid=region), grid=1.0, area=[60, 0, 40, 30], method=method)


def test_no_code_of_the_working_directory_is_run(describe, tmp_path, monkeypatch):
    (tmp_path / "mir.py").write_text("raise SystemExit('this is not MIR')")
    monkeypatch.chdir(tmp_path)
    Regrid(forecast=describe(X, grid=grid_of("O16", None)), grid=7.5, method="grid-box-average")


@pytest.mark.parametrize("options", [{"grid": 9.0, "method": "grid-box-average"}, {"grid": "N16"}])
def test_without_earthkit_geo_it_is_said_what_to_install(describe, monkeypatch, options):
    monkeypatch.setitem(sys.modules, "earthkit.geo.grids", None)
    with pytest.raises(AbsentError, match=r'pip install "anemoi-plugin-postprocessing\[earthkit-geo\]"'):
        Regrid(forecast=describe(X, grid=grid_of("O4", None)), **options)
