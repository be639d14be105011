from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from anemoi.core.grid import Grid
from matplotlib.collections import LineCollection
from matplotlib.image import imread

from anemoi_plugin_verification.coastlines import coastlines
from anemoi_plugin_verification.maps import Case, Scale, comparison, png, single
from anemoi_plugin_verification.projection import HEIGHT, WIDTH, outline, project, unproject
from anemoi_plugin_verification.raster import Raster


@pytest.mark.parametrize(
    ("longitude", "latitude", "x", "y"),
    [
        # PROJ 9, +proj=robin +R=1
        (179.999, 0, 2.6662549, 0.0),
        (-75, 12.5, -1.1031987, 0.2096065),
        (100, 37.3, 1.3827843, 0.6253989),
        (20, 61, 0.2343348, 1.0086991),
        (-170, -84, -1.4641536, -1.3113023),
        (10, 90, 0.0788327, 1.3523),
    ],
)
def test_the_projection_is_that_of_proj(longitude, latitude, x, y) -> None:
    assert project(np.array([longitude]), np.array([latitude])) == (
        pytest.approx([x], abs=2e-3),
        pytest.approx([y], abs=2e-3),
    )


def test_unprojecting_undoes_projecting() -> None:
    rng = np.random.default_rng(1)
    longitudes, latitudes = rng.uniform(-179, 179, 500), rng.uniform(-89.9, 89.9, 500)
    for centre in (0.0, 150.0):
        back = unproject(*project(longitudes, latitudes, centre), centre)
        np.testing.assert_allclose((back[0] - longitudes + 180) % 360 - 180, 0.0, atol=1e-2)
        np.testing.assert_allclose(back[1], latitudes, atol=1e-3)


def test_places_off_the_globe_are_taken_to_its_edge() -> None:
    longitudes, latitudes = unproject(np.array([-WIDTH / 2, 0.0]), np.array([HEIGHT * 0.45, HEIGHT]))
    assert longitudes[0] == -180.0
    assert latitudes[1] == pytest.approx(90.0)
    x, y = outline()
    assert (np.ptp(x), np.ptp(y)) == (pytest.approx(WIDTH), pytest.approx(HEIGHT))


def test_coastlines_pass_by_known_capes_and_not_along_the_cuts_of_the_data() -> None:
    points = np.concatenate(coastlines())
    # Agulhas, Horn, Land's End, York
    for place in ((20.0, -34.8), (-67.3, -55.8), (-5.7, 50.1), (142.5, -10.7)):
        assert np.hypot(*(points - place).T).min() < 1.0
    assert (np.abs(points[:, 0]) <= 180).all()
    for line in coastlines():
        assert len(line) > 1
        longitudes, latitudes = line.T
        assert not ((np.abs(longitudes[1:]) > 179.98) & (np.abs(longitudes[:-1]) > 179.98)).any()
        assert not ((latitudes[1:] < -85.55) & (latitudes[:-1] < -85.55)).any()
    assert (files("anemoi_plugin_verification") / "coastlines.npz").stat().st_size < 100_000


def smooth(longitudes: np.ndarray, latitudes: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(longitudes), np.radians(latitudes)
    return np.cos(lat) * np.cos(lon - 0.4) + 0.5 * np.sin(lat)


@pytest.mark.parametrize("kind", ["rows", "scattered"])
def test_a_map_shows_the_field_everywhere_on_the_globe(lat_lon, scattered, kind) -> None:
    grid: Grid = lat_lon(5.0) if kind == "rows" else scattered(4000)
    raster = Raster(grid)
    image = raster(smooth(grid.longitudes, grid.latitudes))
    expected = smooth(*unproject(*np.meshgrid(raster.x, raster.y)))
    # Linear interpolation of unit curvature over h = 5° errs by at most h²/8 in each direction; about
    # the poles of scattered points the nearest one stands for all, half a step away.
    assert np.abs(image - expected).max() < (0.003 if kind == "rows" else 0.05)
    assert np.sqrt(np.mean((image - expected) ** 2)) < 0.003


def test_a_fine_grid_is_shown_by_its_nearest_points(scattered, monkeypatch) -> None:
    monkeypatch.setattr("anemoi_plugin_verification.raster.FINE", 3000)
    grid = scattered(3000)
    raster = Raster(grid)
    values = np.arange(3000.0)
    image = raster(values)
    longitudes, latitudes = unproject(*np.meshgrid(raster.x[::97], raster.y[::53]))
    there = Grid(latitudes.ravel(), longitudes.ravel()).positions
    nearest = (there @ grid.positions.T).argmax(axis=1)
    assert (image[::53, ::97].ravel() == nearest).all()


def test_a_regional_map_shows_the_region_alone_even_across_the_date_line(scattered) -> None:
    grid = scattered(20_000)
    longitudes = grid.longitudes % 360
    keep = (np.abs(grid.latitudes + 15) < 15) & (longitudes > 165) & (longitudes < 205)  # Fiji
    region = Grid(grid.latitudes[keep], grid.longitudes[keep])
    raster = Raster(region)
    assert abs(raster.centre % 360 - 185) < 1
    image = raster(smooth(region.longitudes, region.latitudes))
    longitudes, latitudes = unproject(*np.meshgrid(raster.x, raster.y), raster.centre)
    inside = (np.abs(latitudes + 15) < 13) & (longitudes % 360 > 167) & (longitudes % 360 < 203)
    outside = (np.abs(latitudes + 15) > 15) | (longitudes % 360 < 165) | (longitudes % 360 > 205)
    np.testing.assert_allclose(image[inside], smooth(longitudes, latitudes)[inside], atol=2e-3)
    assert np.isnan(image[outside]).all()
    assert outside.any()


def test_scales_hold_the_fields_and_differences_are_centred() -> None:
    rng = np.random.default_rng(2)
    pressure = Scale.of([rng.normal(1013, 12, 5000), rng.normal(1000, 12, 5000)])
    assert pressure.levels[0] < 980
    assert pressure.levels[-1] > 1030
    assert pressure.colours == "viridis"
    wind = Scale.of([rng.normal(0, 8, 5000)])
    assert wind.colours == "RdBu_r"
    errors = Scale.around_zero([rng.normal(0.5, 2, 5000)])
    np.testing.assert_allclose(errors.levels, -errors.levels[::-1])
    assert 0.0 not in errors.levels
    red, _, blue, _ = matplotlib.colormaps["RdBu_r"](errors.norm(0.0))
    assert min(red, blue) > 0.93  # white
    flat = Scale.of([np.full(10, 7.0)])
    assert (np.diff(flat.levels) > 0).all()
    assert (np.diff(Scale.around_zero([np.zeros(10)]).levels) > 0).all()


def test_maps_are_pictures_and_leave_the_state_of_matplotlib_alone(lat_lon) -> None:
    before = dict(matplotlib.rcParams)
    grid = lat_lon(10.0)
    field = smooth(grid.longitudes, grid.latitudes)
    cases = [Case("6 h", "1 May", field, 0.9 * field), Case("12 h", "2 May", field, 0.5 * field)]
    raster = Raster(grid)
    one = imread(BytesIO(png(single(raster, field, "Title", "time", "K"), dpi=50)))
    several = imread(BytesIO(png(comparison(raster, cases, "K"), dpi=50)))
    for picture in (one, several):
        assert picture[..., 0].std() > 0.05
        edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
        assert all((edge == picture[0, 0]).all() for edge in edges)  # nothing is cut off
    assert several.shape[1] > one.shape[1]
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs


def test_areas_keep_their_colours_in_a_small_file(lat_lon) -> None:
    grid = lat_lon(5.0)
    field = 10 * smooth(3 * grid.longitudes, grid.latitudes)
    figure = comparison(Raster(grid), [Case("6 h", "1 May", field, 0.9 * field)], "m/s")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # it would move things a little at each drawing
    file = BytesIO()
    figure.savefig(file, format="png", dpi=110)
    small = png(figure, dpi=110)
    true, shown = (imread(BytesIO(picture))[..., :3].reshape(-1, 3) for picture in (file.getvalue(), small))
    _, which, counts = np.unique(true, axis=0, return_inverse=True, return_counts=True)
    areas = (counts > 0.001 * len(true))[which]  # not the edges between them
    assert areas.mean() > 0.7
    assert np.abs(shown - true)[areas].max() < 6 / 255
    assert len(small) < 0.6 * len(file.getvalue())


@pytest.mark.parametrize("east", [0.0, 150.0])
def test_no_line_runs_across_the_map_where_the_map_is_cut(scattered, east) -> None:
    grid = scattered(3000)
    keep = np.cos(np.radians(grid.longitudes - east)) * np.cos(np.radians(grid.latitudes)) > -0.2
    half = Grid(grid.latitudes[keep], grid.longitudes[keep])
    figure = single(Raster(half), half.latitudes, "Half of the globe", "", "°")
    lines = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    steps = [np.abs(np.diff(line[:, 0])).max() for collection in lines for line in collection.get_segments()]
    assert len(steps) > 100
    assert max(steps) < WIDTH / 10
