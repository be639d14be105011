"""ICON grids, from files that are made here in the layout of ICON."""

import numpy as np
import pytest
from anemoi.core.config import build
from anemoi.core.errors import ConfigError, DataError

from anemoi_plugin_graphs.icosphere import icosphere
from anemoi_plugin_graphs.node_set import NodeSet

netcdf = pytest.importorskip("netCDF4")
LEVELS = 3
MESH = icosphere(LEVELS)
SPHERE = NodeSet.at(MESH.vertices)


def triangles():
    """The cells of the finest mesh, from its edges."""
    around = [set() for _ in MESH.vertices]
    for a, b in MESH.edges[-1].tolist():
        around[a].add(b)
        around[b].add(a)
    found = {tuple(sorted((a, b, c))) for a, b in MESH.edges[-1].tolist() for c in around[a] & around[b]}
    return np.array(sorted(found))


@pytest.fixture(scope="module")
def grid_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("icon") / "icon_grid.nc"
    cells = triangles()
    sides = {}
    for number, cell in enumerate(cells.tolist()):
        for pair in ((0, 1), (1, 2), (0, 2)):
            sides.setdefault((cell[pair[0]], cell[pair[1]]), []).append(number)
    others = [[] for _ in cells]
    for one, other in sides.values():
        others[one].append(other + 1)
        others[other].append(one + 1)
    middle = NodeSet.at(MESH.vertices[cells].mean(axis=1))
    levels = np.full(len(MESH.vertices), LEVELS)
    for level in reversed(range(LEVELS)):
        levels[: 10 * 4**level + 2] = level
    with netcdf.Dataset(path, "w") as dataset:
        sizes = {
            "vertex": len(MESH.vertices),
            "cell": len(cells),
            "edge": len(MESH.edges[-1]),
            "nc": 2,
            "nv": 3,
        }
        for name, size in sizes.items():
            dataset.createDimension(name, size)
        for name, dimensions, values in (
            ("vlat", ("vertex",), np.deg2rad(SPHERE.latitudes)),
            ("vlon", ("vertex",), np.deg2rad(SPHERE.longitudes)),
            ("clat", ("cell",), np.deg2rad(middle.latitudes)),
            ("clon", ("cell",), np.deg2rad(middle.longitudes)),
            ("edge_vertices", ("nc", "edge"), MESH.edges[-1].T + 1),
            ("vertex_of_cell", ("nv", "cell"), cells.T + 1),
            ("neighbor_cell_index", ("nv", "cell"), np.array(others).T),
            ("refinement_level_v", ("vertex",), levels),
        ):
            dataset.createVariable(name, np.asarray(values).dtype, dimensions)[:] = values
    return path


def laid(path, **options):
    return build("node_builder", {"name": "icon", "path": str(path), **options}).build({})


def test_vertices_have_the_edges_of_every_scale(grid_file):
    nodes = laid(grid_file)
    assert np.allclose(nodes.positions, SPHERE.positions)
    for found, expected in zip(nodes.meshes, MESH.edges, strict=True):
        assert {tuple(each) for each in found.tolist()} == {tuple(sorted(each)) for each in expected.tolist()}


def test_levels_can_be_left_out(grid_file):
    nodes = laid(grid_file, max_level=1)
    assert len(nodes) == 42
    assert [len(mesh) for mesh in nodes.meshes] == [30, 120]


def test_cells_have_three_neighbours_each(grid_file):
    nodes = laid(grid_file, at="cells")
    assert len(nodes) == 20 * 4**LEVELS
    assert (np.bincount(nodes.meshes[0].ravel()) == 3).all()


def test_cells_are_joined_to_their_vertices_and_back(grid_file):
    cells, vertices = laid(grid_file, at="cells"), laid(grid_file)
    edges = build("edge_builder", {"name": "icon-cells", "path": str(grid_file)})
    out, back = edges.build(cells, vertices), edges.build(vertices, cells)
    assert {tuple(each) for each in out.tolist()} == {(b, a) for a, b in back.tolist()}
    distance = np.linalg.norm(cells.positions[out[:, 0]] - vertices.positions[out[:, 1]], axis=-1)
    apart = np.linalg.norm(cells.positions[:, None] - vertices.positions[None], axis=-1)
    assert distance.reshape(-1, 3).max(axis=1) == pytest.approx(np.sort(apart, axis=1)[:, 2])
    with pytest.raises(ConfigError, match="cells and"):
        edges.build(cells, cells)


def test_other_files_are_refused(tmp_path):
    with netcdf.Dataset(tmp_path / "other.nc", "w"):
        pass
    with pytest.raises(DataError, match="has no vlat"):
        laid(tmp_path / "other.nc")
