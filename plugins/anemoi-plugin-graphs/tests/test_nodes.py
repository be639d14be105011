"""Node builders beside other ways to the same places."""

import numpy as np
import pytest
from anemoi.core.config import build
from anemoi.core.errors import ConfigError, DataError
from scipy.spatial import cKDTree

from anemoi_plugin_graphs.icosphere import icosphere
from anemoi_plugin_graphs.node_set import NodeSet
from anemoi_plugin_graphs.nodes.healpix import pixel_neighbours
from anemoi_plugin_graphs.nodes.reduced_gaussian import classical_rows, octahedral_rows

from .conftest import octahedral, regional

REGION = {"data": NodeSet.of(regional())}


def laid(name, nodes=REGION, **options):
    return build("node_builder", {"name": name, **options}).build(nodes)


def test_an_octahedral_grid_has_the_points_that_ecmwf_gives_it():
    nodes, expected = laid("reduced-gaussian", grid="O16"), octahedral(16)
    assert np.allclose(nodes.latitudes, expected.latitudes)
    assert np.allclose(nodes.longitudes, expected.longitudes)
    # Numbers of points of grids in use, from ECMWF's documentation.
    assert [int(octahedral_rows(each).sum()) for each in (96, 320, 1280)] == [40_320, 421_120, 6_599_680]


def test_a_classical_grid_has_the_rows_of_its_table():
    assert [int(classical_rows(each).sum()) for each in (32, 80, 320)] == [6_114, 35_718, 542_080]
    rows = classical_rows(32)
    assert rows[:6].tolist() == [20, 27, 36, 40, 45, 50]  # ECMWF's table of N32
    assert np.array_equal(rows, rows[::-1])
    assert len(laid("reduced-gaussian", grid="N32")) == 6_114


def test_a_regular_grid_has_one_node_on_each_pole_or_none():
    nodes = laid("lat-lon", step=30.0)
    assert len(nodes) == 2 + 5 * 12
    assert np.abs(nodes.latitudes).max() == 90.0
    centres = laid("lat-lon", step=30.0, cell_centres=True)
    assert len(centres) == 6 * 12
    assert sorted(set(centres.latitudes)) == [-75.0, -45.0, -15.0, 15.0, 45.0, 75.0]


@pytest.mark.parametrize("refinement", [1, 2, 3])
def test_pixels_of_healpix_have_eight_neighbours_but_for_24_with_seven(refinement):
    pairs = pixel_neighbours(refinement)
    degree = np.bincount(pairs.ravel())
    assert sorted(set(degree)) == [7, 8]
    assert (degree == 7).sum() == 24  # three at each corner of the eight where three first pixels meet
    # None is far: a neighbour shares a corner, so it is within two pixel diagonals.
    nodes = laid("healpix", refinement=refinement)
    ends = nodes.positions[pairs]
    assert np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1).max() < 3.2 / 2**refinement
    # And the nearest four of each pixel are among its neighbours.
    known = {tuple(pair) for pair in pairs.tolist()}
    _, near = cKDTree(nodes.positions).query(nodes.positions, k=4)
    assert all((min(a, b), max(a, b)) in known for a, *others in near.tolist() for b in others)


def test_pixels_of_healpix_have_equal_areas_and_nested_numbers():
    nodes = laid("healpix", refinement=2)
    assert nodes.grid.areas == pytest.approx(np.full(192, 4 * np.pi / 192), rel=0.12)  # of Voronoi cells
    coarse = laid("healpix", refinement=1).positions
    middle = nodes.positions.reshape(48, 4, 3).mean(axis=1)
    assert (
        np.linalg.norm(middle / np.linalg.norm(middle, axis=1, keepdims=True) - coarse, axis=1) < 0.1
    ).all()
    assert [len(mesh) for mesh in nodes.meshes] == [36, 180, 756]


def test_hexagons_have_six_neighbours_and_twelve_pentagons_five():
    nodes = laid("hexagonal", refinement=1, margin=None)
    assert len(nodes) == 842
    degree = np.bincount(nodes.meshes[-1].ravel())
    assert [(degree == count).sum() for count in (5, 6)] == [12, 830]
    assert np.bincount(nodes.meshes[0].ravel(), minlength=842)[122:].sum() == 0  # the coarse cells come first


def test_hexagons_over_a_region_are_those_of_the_globe_that_lie_there():
    part, whole = laid("hexagonal", refinement=2), laid("hexagonal", refinement=2, margin=None)
    places = {tuple(each): number for number, each in enumerate(whole.positions)}
    numbers = np.array([places[tuple(each)] for each in part.positions])
    distance = cKDTree(REGION["data"].positions).query(whole.positions)[0]
    assert set(np.flatnonzero(distance < 0.05)) <= set(numbers)
    assert 50 < len(part) < 600
    finest = {tuple(sorted(pair)) for pair in whole.meshes[-1].tolist()}
    mine = {tuple(sorted(pair)) for pair in numbers[part.meshes[-1]].tolist()}
    kept = set(numbers.tolist())
    assert mine == {pair for pair in finest if set(pair) <= kept}


def test_a_stretched_mesh_is_coarse_everywhere_and_fine_over_the_region():
    nodes = laid("stretched", refinement=2, region_refinement=5)
    whole = icosphere(5)
    assert np.array_equal(nodes.positions[:162], NodeSet.at(whole.vertices[:162]).positions)
    distance = cKDTree(REGION["data"].positions).query(NodeSet.at(whole.vertices).positions)[0]
    fine = {tuple(each) for each in nodes.positions}
    near = NodeSet.at(whole.vertices[distance < 0.05]).positions
    assert {tuple(each) for each in near} <= fine
    far = NodeSet.at(whole.vertices[162:][distance[162:] > 0.2]).positions
    assert not {tuple(each) for each in far} & fine
    # Every node is reached along the edges of its scales.
    ends = np.concatenate(nodes.meshes)
    assert set(ends.ravel()) == set(range(len(nodes)))


def test_nodes_are_read_from_files(tmp_path):
    north, east = np.array([10.0, 20.0]), np.array([0.0, 120.0])
    np.savez(tmp_path / "grid.npz", lat=north, lon=east)
    nodes = laid("file", path=str(tmp_path / "grid.npz"), latitudes="lat", longitudes="lon")
    assert (nodes.latitudes.tolist(), nodes.longitudes.tolist()) == ([10.0, 20.0], [0.0, 120.0])
    listed = laid("places", latitudes=[10.0, 20.0], longitudes=[0.0, 120.0])
    assert np.array_equal(listed.positions, nodes.positions)


def test_nodes_are_read_from_netcdf_in_degrees_and_in_radians(tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "grid.nc", "w") as dataset:
        dataset.createDimension("lat", 2)
        dataset.createDimension("lon", 3)
        dataset.createDimension("cell", 2)
        for name, dimension, values, units in (
            ("lat", "lat", [10.0, 20.0], "degrees_north"),
            ("lon", "lon", [0.0, 120.0, 240.0], "degrees_east"),
            ("clat", "cell", np.deg2rad([5.0, -5.0]), "radian"),
            ("clon", "cell", np.deg2rad([1.0, 2.0]), "radian"),
        ):
            variable = dataset.createVariable(name, "f8", (dimension,))
            variable[:], variable.units = values, units
    path = str(tmp_path / "grid.nc")
    axes = laid("file", path=path, latitudes="lat", longitudes="lon")
    assert axes.latitudes.tolist() == [10.0] * 3 + [20.0] * 3
    assert axes.longitudes.tolist() == [0.0, 120.0, 240.0] * 2
    cells = laid("file", path=path, latitudes="clat", longitudes="clon")
    assert cells.latitudes == pytest.approx([5.0, -5.0])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("reduced-gaussian", {"grid": "F32"}, "'F32'"),
        ("reduced-gaussian", {"grid": "N33"}, "no table of the grid N33"),
        ("lat-lon", {"step": 7.0}, "does not divide"),
        ("stretched", {"refinement": 4, "region_refinement": 4}, "not more than"),
        ("stretched", {"region": "lam"}, "'lam'"),
        ("stretched", {"mask": "inner"}, "no mask 'inner'"),
        ("places", {"latitudes": [1.0], "longitudes": []}, "1 latitudes and 0"),
        ("places", {"latitudes": [91.0], "longitudes": [0.0]}, "within"),
        ("file", {"path": "none.npz"}, "none.npz cannot be read"),
        ("file", {"path": "none.nc"}, "none.nc cannot be read"),
    ],
)
def test_what_cannot_be_laid_is_refused(name, options, message):
    with pytest.raises((ConfigError, DataError)) as caught:
        laid(name, **options)
    assert message in str(caught.value)


def test_a_file_without_the_coordinates_says_what_it_has(tmp_path):
    np.savez(tmp_path / "grid.npz", lat=np.zeros(1), lon=np.zeros(1))
    with pytest.raises(DataError, match="no latitudes; it has lat, lon"):
        laid("file", path=str(tmp_path / "grid.npz"))


def test_a_stretched_mesh_needs_a_region():
    with pytest.raises(ConfigError, match="cover the globe"):
        laid("stretched", {"data": NodeSet.of(octahedral(8))})
