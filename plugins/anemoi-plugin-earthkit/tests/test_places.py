"""Where points lie, on grids of every kind, held against formulas that are written here."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import eccodes
import numpy as np
import pytest
import xarray as xr
from anemoi.core.errors import DataError, NotThereError

from anemoi_plugin_earthkit import GribSource, NetcdfSource
from anemoi_plugin_earthkit.healpix import nested, points
from anemoi_plugin_earthkit.projections import places

from .making import LAMBERT, REGULAR, ROTATED, message, write

TIMES = np.array(["2020-01-01T00", "2020-01-01T06"], "M8[ns]")
RADIUS = 6371229.0
POLAR = {
    "gridType": "polar_stereographic",
    "Nx": 6,
    "Ny": 5,
    "latitudeOfFirstGridPointInDegrees": 60.0,
    "longitudeOfFirstGridPointInDegrees": 340.0,
    "orientationOfTheGridInDegrees": 10.0,
    "LaDInDegrees": 60.0,
    "DxInMetres": 50000.0,
    "DyInMetres": 50000.0,
}


def near(latitudes, longitudes, expected_latitudes, expected_longitudes, metres):
    """Whether points lie within a distance of each other."""

    def vectors(latitude, longitude):
        north, east = np.deg2rad(latitude), np.deg2rad(longitude)
        return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)

    apart = vectors(latitudes, longitudes) - vectors(expected_latitudes, expected_longitudes)
    return float(np.linalg.norm(apart, axis=-1).max()) * RADIUS < metres


def to_lambert(latitudes, longitudes, parallel, middle):
    """Snyder 15-1 to 15-3 on the sphere, with one standard parallel; the origin on it."""
    phi, phi1 = np.deg2rad(latitudes), np.deg2rad(parallel)
    n = np.sin(phi1)
    f = np.cos(phi1) * np.tan(np.pi / 4 + phi1 / 2) ** n / n
    rho, rho0 = (RADIUS * f / np.tan(np.pi / 4 + each / 2) ** n for each in (phi, phi1))
    theta = n * np.deg2rad((np.asarray(longitudes) - middle + 180) % 360 - 180)
    return rho * np.sin(theta), rho0 - rho * np.cos(theta)


def to_polar(latitudes, longitudes, parallel, middle):
    """Snyder 21-5 and 21-6 on the sphere, with a true scale at a parallel."""
    rho = RADIUS * (1 + np.sin(np.deg2rad(parallel))) * np.tan(np.pi / 4 - np.deg2rad(latitudes) / 2)
    east = np.deg2rad(np.asarray(longitudes) - middle)
    return rho * np.sin(east), -rho * np.cos(east)


def source_of(tmp_path, grid, edition=2):
    made = [message("t", 850, edition=edition, grid=grid, time=str(time)[:13]) for time in TIMES]
    return GribSource(path=str(write(tmp_path / "a.grib", made)))


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize(
    ("grid", "projection"),
    [(LAMBERT, lambda *at: to_lambert(*at, 52.0, 10.0)), (POLAR, lambda *at: to_polar(*at, 60.0, 10.0))],
)
def test_points_of_projections_in_grib_lie_in_even_rows_and_columns(tmp_path, grid, projection, edition):
    # Editions differ in the radius of the Earth, which scales the plane.
    source = source_of(tmp_path, grid, edition)
    x, y = (
        each.reshape(grid["Ny"], grid["Nx"])
        for each in projection(source.grid.latitudes, source.grid.longitudes)
    )
    scale = 1.0 if edition == 2 else RADIUS / 6367470.0
    np.testing.assert_allclose(np.diff(x, axis=1), grid["DxInMetres"] * scale, rtol=2e-5)
    np.testing.assert_allclose(np.diff(y, axis=0), grid["DyInMetres"] * scale, rtol=2e-5)
    np.testing.assert_allclose(np.diff(x, axis=0), 0, atol=1.0)
    assert (source.grid.latitudes[0], source.grid.longitudes[0] % 360) == pytest.approx(
        (grid["latitudeOfFirstGridPointInDegrees"], grid["longitudeOfFirstGridPointInDegrees"])
    )


@pytest.mark.parametrize("edition", [1, 2])
def test_points_of_a_rotated_pole_are_true_ones(tmp_path, edition):
    source = source_of(tmp_path, ROTATED, edition)
    south, east = (
        np.deg2rad(ROTATED[f"{each}OfSouthernPoleInDegrees"]) for each in ("latitude", "longitude")
    )
    north, across = np.meshgrid(60.0 - 5.0 * np.arange(5), -20.0 + 5.0 * np.arange(8), indexing="ij")
    p, q = np.deg2rad(north).ravel(), np.deg2rad(across).ravel()
    turned = np.stack([np.cos(p) * np.cos(q), np.cos(p) * np.sin(q), np.sin(p)])
    # Turn by the angle between the poles about the axis through the east, then to the longitude of the pole.
    tilt = np.pi / 2 + south
    about_y = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    about_z = np.array([[np.cos(east), -np.sin(east), 0], [np.sin(east), np.cos(east), 0], [0, 0, 1]])
    x, y, z = about_z @ about_y.T @ turned
    expected = np.rad2deg(np.arcsin(z)), np.rad2deg(np.arctan2(y, x))
    assert near(source.grid.latitudes, source.grid.longitudes, *expected, metres=1.0)
    assert source.grid.field_shape == (REGULAR["Nj"], REGULAR["Ni"])
    # The same pole as NetCDF has it.
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": -ROTATED["latitudeOfSouthernPoleInDegrees"],
        "grid_north_pole_longitude": ROTATED["longitudeOfSouthernPoleInDegrees"] - 180.0,
    }
    latitudes, longitudes = places(mapping, across, north)
    assert near(latitudes.ravel(), longitudes.ravel(), *expected, metres=1.0)


CONIC = {
    "grid_mapping_name": "lambert_conformal_conic",
    "standard_parallel": 52.0,
    "longitude_of_central_meridian": 10.0,
    "latitude_of_projection_origin": 52.0,
    "earth_radius": RADIUS,
}
STEREOGRAPHIC = {
    "grid_mapping_name": "polar_stereographic",
    "straight_vertical_longitude_from_pole": 10.0,
    "latitude_of_projection_origin": 90.0,
    "standard_parallel": 60.0,
    "earth_radius": RADIUS,
}


@pytest.mark.parametrize(
    ("mapping", "projection"),
    [
        (CONIC, lambda *at: to_lambert(*at, 52.0, 10.0)),
        (STEREOGRAPHIC, lambda *at: to_polar(*at, 60.0, 10.0)),
    ],
)
def test_projections_are_inverse_to_the_formulas(mapping, projection):
    latitudes, longitudes = np.meshgrid(np.linspace(35, 88, 7), np.linspace(-60, 80, 9))
    assert near(*places(mapping, *projection(latitudes, longitudes)), latitudes, longitudes, metres=1e-3)


ELLIPSOID = {"semi_major_axis": 6378137.0, "inverse_flattening": 298.257223563}
OTHERS = [
    CONIC,
    {**CONIC, "standard_parallel": [33.0, 45.0], "false_easting": 1e5, "false_northing": -2e5},
    {**CONIC, **ELLIPSOID, "standard_parallel": [33.0, 45.0]},
    {**CONIC, "standard_parallel": [-33.0, -45.0], "latitude_of_projection_origin": -40.0},
    STEREOGRAPHIC,
    {**STEREOGRAPHIC, **ELLIPSOID},
    {**STEREOGRAPHIC, "standard_parallel": 90.0},
    {**STEREOGRAPHIC, **ELLIPSOID, "latitude_of_projection_origin": -90.0, "standard_parallel": -71.0},
    {
        **{k: v for k, v in STEREOGRAPHIC.items() if k != "standard_parallel"},
        "scale_factor_at_projection_origin": 0.994,
    },
]


def test_projections_are_those_of_proj():
    """In a process of its own: the PROJ of pyproj and that of eccodes do not bear each other."""
    if find_spec("pyproj") is None:
        pytest.skip("pyproj is not installed")
    mappings = [
        {k: v for k, v in m.items() if k != "earth_radius" or "semi_major_axis" not in m} for m in OTHERS
    ]
    x, y = np.meshgrid(np.linspace(-2e6, 2e6, 5), np.linspace(-1.5e6, 1.5e6, 4))
    program = (
        "import json, sys, numpy, pyproj\n"
        "x, y, mappings = json.load(sys.stdin)\n"
        "crs = [pyproj.CRS.from_cf(each) for each in mappings]\n"
        "to = [pyproj.Transformer.from_crs(c, c.geodetic_crs, always_xy=True) for c in crs]\n"
        "made = [t.transform(numpy.array(x), numpy.array(y)) for t in to]\n"
        "json.dump([[each.tolist() for each in one] for one in made], sys.stdout)"
    )
    asked = json.dumps([x.tolist(), y.tolist(), mappings])
    made = subprocess.run([sys.executable, "-c", program], input=asked, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"pyproj does not work here: {made.stderr.splitlines()[-1]}")
    for mapping, (longitudes, latitudes) in zip(mappings, json.loads(made.stdout), strict=True):
        assert near(*places(mapping, x, y), latitudes, longitudes, metres=1e-2), mapping


def netcdf(path, variable, dimensions, coordinates, mapping=None):
    sizes = [len(TIMES), *(size for _, size in dimensions)]
    values = np.arange(np.prod(sizes), dtype="f4").reshape(sizes)
    attributes = {"units": "K", **({} if mapping is None else {"grid_mapping": "crs"})}
    made = xr.Dataset(
        {variable: (("time", *(name for name, _ in dimensions)), values, attributes)},
        {"time": TIMES, **coordinates},
    )
    if mapping is not None:
        made["crs"] = ((), 0, mapping)
    made.to_netcdf(path)
    return NetcdfSource(path=str(path)), values.reshape(len(TIMES), -1)


PLANE = {
    "y": ("y", np.arange(4) * 2.5, {"standard_name": "projection_y_coordinate", "units": "km"}),
    "x": ("x", np.arange(5) * 2.5, {"standard_name": "projection_x_coordinate", "units": "km"}),
}


@pytest.mark.parametrize("mapping", [CONIC, {**STEREOGRAPHIC}])
def test_points_follow_from_a_grid_mapping(tmp_path, mapping):
    source, values = netcdf(tmp_path / "a.nc", "t2m", (("y", 4), ("x", 5)), PLANE, mapping)
    expected = places(mapping, *np.meshgrid(np.arange(5) * 2500.0, np.arange(4) * 2500.0))
    assert source.grid.field_shape == (4, 5)
    np.testing.assert_allclose(source.grid.latitudes, expected[0].ravel())
    np.testing.assert_allclose(source.grid.longitudes, expected[1].ravel())
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)


def test_a_rotated_pole_without_true_latitudes(tmp_path):
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
    }
    along = {
        "rlat": ("rlat", np.linspace(-2, 2, 3), {"standard_name": "grid_latitude", "units": "degrees"}),
        "rlon": ("rlon", np.linspace(-3, 3, 5), {"standard_name": "grid_longitude", "units": "degrees"}),
    }
    source, values = netcdf(tmp_path / "a.nc", "t2m", (("rlat", 3), ("rlon", 5)), along, mapping)
    # The rotated origin, the middle of the grid, is 90 degrees from the pole, to the south on its meridian.
    assert (source.grid.latitudes[7], source.grid.longitudes[7]) == pytest.approx((50.75, 18.0))
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)


def test_radians_of_icon_and_mpas_are_degrees(tmp_path):
    north, east = np.linspace(-1.5, 1.5, 6), np.linspace(0.0, 6.0, 6)
    said = {
        "clat": ("ncells", north, {"standard_name": "latitude", "units": "radian"}),
        "clon": ("ncells", east, {"standard_name": "longitude", "units": "radian"}),
    }
    icon, values = netcdf(tmp_path / "icon.nc", "t2m", (("ncells", 6),), said)
    np.testing.assert_allclose(icon.grid.latitudes, np.rad2deg(north))
    np.testing.assert_allclose(icon.grid.longitudes, np.rad2deg(east))
    np.testing.assert_array_equal(icon.read(icon.times)[:, 0, :, 0], values)
    times = np.array([list(f"{str(time)[:10]}_{str(time)[11:19]}") for time in TIMES], "S1")
    mpas = xr.Dataset(
        {
            "t2m": (("Time", "nCells"), values, {"units": "K"}),
            "latCell": ("nCells", north),
            "lonCell": ("nCells", east),
            "xtime": (("Time", "StrLen"), times),
        }
    )
    mpas.to_netcdf(tmp_path / "mpas.nc")
    source = NetcdfSource(path=str(tmp_path / "mpas.nc"))
    np.testing.assert_array_equal(source.times, TIMES.astype("M8[s]"))
    np.testing.assert_allclose(source.grid.latitudes, np.rad2deg(north))
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({**CONIC, "grid_mapping_name": "mercator"}, "none of lambert_conformal_conic, polar_stereographic"),
        ({k: v for k, v in CONIC.items() if k != "earth_radius"}, "how large the Earth is"),
        ({k: v for k, v in CONIC.items() if k != "standard_parallel"}, "no attribute standard_parallel"),
        ({**STEREOGRAPHIC, "latitude_of_projection_origin": 45.0}, "45, which is no pole"),
        (
            {"grid_mapping_name": "healpix", "refinement_level": 3, "indexing_scheme": "nested"},
            "5 cells are not the 768",
        ),
    ],
)
def test_mappings_that_are_not_understood_are_refused(tmp_path, mapping, told):
    with pytest.raises(DataError, match=told):
        netcdf(tmp_path / "a.nc", "t2m", (("y", 4), ("x", 5)), PLANE, mapping)


def healpix_message(order, side=4):
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        for key, value in {
            "gridType": "healpix", "Nside": side, "orderingConvention": order,
            "longitudeOfFirstGridPointInDegrees": 45.0, "shortName": "2t", "dataDate": 20200101,
        }.items():  # fmt: skip
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_array(handle, "values", np.arange(12.0 * side**2))
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


@pytest.mark.parametrize("order", ["ring", "nested"])
def test_healpix_in_grib_and_netcdf_are_the_same_points(tmp_path, order):
    grib = GribSource(path=str(write(tmp_path / "a.grib", [healpix_message(order)])), frequency="6h")
    mapping = {"grid_mapping_name": "healpix", "refinement_level": 2, "indexing_scheme": order}
    source, values = netcdf(tmp_path / "a.nc", "t2m", (("cell", 192),), {}, mapping)
    for grid in (grib.grid, source.grid):
        assert near(grid.latitudes, grid.longitudes, *points(mapping, 192), metres=1.0)
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)


def test_pixels_of_healpix_lie_where_their_areas_are_equal():
    """Each centre of a coarse pixel is that of the four within it, and rings are where the paper has them."""
    latitudes, _ = nested(8)
    rings = np.unique(np.round(np.sin(np.deg2rad(latitudes)), 12))
    polar = [1 - i**2 / (3 * 8**2) for i in range(1, 8)]
    belt = [4 / 3 - 2 * i / (3 * 8) for i in range(8, 25)]
    np.testing.assert_allclose(rings, sorted([*polar, *belt, *(-z for z in polar)]), atol=1e-12)

    def vectors(side):
        north, east = (np.deg2rad(each) for each in nested(side))
        return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)

    finer = vectors(32).reshape(12 * 16**2, 4, 3).mean(axis=1)
    finer /= np.linalg.norm(finer, axis=-1, keepdims=True)
    assert np.linalg.norm(finer - vectors(16), axis=-1).max() < 0.01


def test_an_unstructured_grid_in_grib_needs_the_file_of_its_points(tmp_path):
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    for key, value in {
        "gridType": "unstructured_grid", "numberOfDataPoints": 20, "numberOfGridUsed": 26, "shortName": "2t",
        "dataDate": 20200101,
    }.items():  # fmt: skip
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_array(handle, "values", np.arange(20.0))
    path = str(write(tmp_path / "icon.grib", [bytes(eccodes.codes_get_message(handle))]))
    eccodes.codes_release(handle)
    with pytest.raises(DataError, match=r"20 points of an unstructured grid.*\n.*points=FILE"):
        GribSource(path=path, frequency="6h")
    with pytest.raises(NotThereError, match="no such file"):
        GribSource(path=path, frequency="6h", points=str(tmp_path / "none.nc"))
    north, east = np.linspace(-1.5, 1.5, 20), np.linspace(0.0, 6.0, 20)
    grid = {
        "clat": ("cell", north, {"standard_name": "latitude", "units": "radian"}),
        "clon": ("cell", east, {"standard_name": "longitude", "units": "radian"}),
        "vlat": ("vertex", north[:9], {"standard_name": "latitude", "units": "radian"}),
        "vlon": ("vertex", east[:9], {"standard_name": "longitude", "units": "radian"}),
    }
    xr.Dataset(grid).to_netcdf(tmp_path / "grid.nc")
    source = GribSource(path=path, frequency="6h", points=str(tmp_path / "grid.nc"))
    np.testing.assert_allclose(source.grid.latitudes, np.rad2deg(north))
    np.testing.assert_allclose(source.read(source.times)[0, 0, :, 0], np.arange(20.0), atol=1e-3)
    xr.Dataset(grid).isel(cell=slice(19)).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(
        DataError, match="not one array of the latitude of 20 points; it has clat of 19, vlat of 9"
    ):
        GribSource(path=path, frequency="6h", points=str(tmp_path / "other.nc"))
