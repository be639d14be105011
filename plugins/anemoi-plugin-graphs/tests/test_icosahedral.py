from __future__ import annotations

import itertools
import math
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import entry_points
from importlib.resources import files

import numpy as np
import pytest
import torch
import yaml
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.graph import Graph
from anemoi.core.grid import Grid
from anemoi.core.interfaces.graph_builder import GraphBuilder
from scipy.spatial.transform import Rotation

from anemoi_plugin_graphs.icosahedral import IcosahedralGraph

VARIANTS = {
    "default": {},
    "nearest both ways": {"encoder_cutoff_factor": None, "encoder_num_nearest_neighbours": 12},
    "cut-off both ways": {"decoder_cutoff_factor": 0.6, "decoder_num_nearest_neighbours": None},
    "narrow cut-off": {
        "encoder_cutoff_factor": 0.05,
        "decoder_cutoff_factor": 0.05,
        "decoder_num_nearest_neighbours": None,
    },
    "both kinds": {"encoder_num_nearest_neighbours": 2, "decoder_cutoff_factor": 0.8},
    "one scale": {"multi_scale": False},
}
# What edges_hash gave on the octahedral grid when a builder took one grid alone.
FIRST_RELEASE = {
    "default": "b536af2433e3619d",
    "nearest both ways": "2f2147e87590d3ae",
    "cut-off both ways": "6558a11fc754298d",
    "narrow cut-off": "93c157a1891baed6",
    "both kinds": "de2a5d65c7c93a26",
    "one scale": "0cbc5ed1032d815b",
}
ALL = [("data", "hidden"), ("hidden", "hidden"), ("hidden", "data")]


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def builder(request):
    """The mesh over the globe, whatever the grid."""
    return IcosahedralGraph(refinement=2, margin=None, **request.param)


def test_builder_and_configuration_are_found_through_entry_points():
    (builder,) = entry_points(group="anemoi.core.graphs", name="icosahedral")
    assert builder.load() is IcosahedralGraph
    assert issubclass(IcosahedralGraph, GraphBuilder)
    (configs,) = [each for each in entry_points(group="anemoi.core.configs") if each.name == "graphs"]
    assert files(configs.load()).joinpath("graph/icosahedral.yaml").is_file()


def test_the_graph_is_what_the_interface_promises(builder, grid):
    graph = builder.build({"data": grid})
    assert list(graph.nodes) == ["data", "hidden"]
    assert np.array_equal(graph.nodes["data"].latitudes.numpy(), grid.latitudes)
    assert np.array_equal(graph.nodes["data"].longitudes.numpy(), grid.longitudes)
    assert len(graph.nodes["hidden"]) == 10 * 4**2 + 2
    assert list(graph.edges) == ALL
    for (source, target), edges in graph.edges.items():
        num_sources, num_targets = len(graph.nodes[source]), len(graph.nodes[target])
        # Strictly increasing: sorted by target, then by source, and none twice.
        assert (torch.diff(edges.target * num_sources + edges.source) > 0).all()
        assert edges.source.dtype == edges.target.dtype == torch.int64
        assert edges.attributes.dtype == torch.float32
        assert edges.attributes.isfinite().all()
        assert edges.attributes.abs().max() <= 1.0
        # Nobody is deaf.
        assert torch.equal(edges.target.unique(), torch.arange(num_targets))
        pointers = edges.row_pointers(num_targets)
        rows = [edges.target[a:b].unique().tolist() for a, b in itertools.pairwise(pointers)]
        assert rows == [[node] for node in range(num_targets)]


def test_the_same_options_and_grid_give_the_same_graph_to_the_bit(builder, with_poles):
    one, other = builder.build({"data": with_poles}), builder.build({"data": with_poles})
    for name in ALL:
        assert torch.equal(one.edges[name].source, other.edges[name].source)
        assert torch.equal(one.edges[name].target, other.edges[name].target)
        assert torch.equal(one.edges[name].attributes, other.edges[name].attributes)
    assert torch.equal(one.nodes["hidden"].latitudes, other.nodes["hidden"].latitudes)
    assert torch.equal(one.nodes["hidden"].longitudes, other.nodes["hidden"].longitudes)


@pytest.mark.parametrize("refinement", range(5))
def test_hidden_edges_are_those_of_all_levels_both_ways(refinement, coarse):
    edges = IcosahedralGraph(refinement=refinement).build({"data": coarse}).edges["hidden", "hidden"]
    assert len(edges) == 2 * sum(30 * 4**level for level in range(refinement + 1))
    pairs = set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    assert {(target, source) for source, target in pairs} == pairs
    finest = (
        IcosahedralGraph(refinement=refinement, multi_scale=False)
        .build({"data": coarse})
        .edges["hidden", "hidden"]
    )
    assert len(finest) == 2 * 30 * 4**refinement
    assert pairs.issuperset(zip(finest.source.tolist(), finest.target.tolist(), strict=True))


def test_hidden_nodes_of_a_refinement_are_the_first_of_the_next(coarse):
    coarse, fine = (
        IcosahedralGraph(refinement=level).build({"data": coarse}).nodes["hidden"] for level in (2, 3)
    )
    assert torch.equal(fine.latitudes[: len(coarse)], coarse.latitudes)
    assert torch.equal(fine.longitudes[: len(coarse)], coarse.longitudes)


@pytest.mark.parametrize("refinement", [1, 2, 4])
def test_by_default_every_grid_point_reaches_a_hidden_node(refinement, grid):
    encoder = IcosahedralGraph(refinement=refinement).build({"data": grid}).edges["data", "hidden"]
    assert torch.equal(encoder.source.unique(), torch.arange(len(grid)))


def test_edge_length_is_the_great_circle_distance_over_the_longest(builder, grid):
    graph = builder.build({"data": grid})
    for (source, target), edges in graph.edges.items():
        ends = []
        for nodes, index in ((graph.nodes[source], edges.source), (graph.nodes[target], edges.target)):
            ends.append((torch.deg2rad(nodes.latitudes[index]), torch.deg2rad(nodes.longitudes[index])))
        (latitude, longitude), (other_latitude, other_longitude) = ends
        half = (
            torch.sin((other_latitude - latitude) / 2.0) ** 2
            + latitude.cos() * other_latitude.cos() * torch.sin((other_longitude - longitude) / 2.0) ** 2
        )
        angles = 2.0 * torch.asin(half.sqrt())
        assert torch.allclose(edges.attributes[:, 0].double(), angles / angles.max(), atol=1e-6)


def test_direction_is_that_of_a_target_turned_to_latitude_and_longitude_zero(builder, grid):
    graph = builder.build({"data": grid})
    for (source, target), edges in graph.edges.items():
        assert edges.attribute_names == ("edge_length", "edge_up", "edge_east", "edge_north")
        seen = graph.nodes[target]
        longitude, latitude = seen.longitudes[edges.target].numpy(), seen.latitudes[edges.target].numpy()
        # First about the axis of the Earth to the zero meridian, then down that meridian to the equator.
        turn = Rotation.from_euler("zy", np.stack([-longitude, latitude], axis=-1), degrees=True)
        at_zero = turn.apply(seen.positions[edges.target].numpy())
        assert np.allclose(at_zero, [1.0, 0.0, 0.0], atol=1e-12)
        difference = turn.apply(graph.nodes[source].positions[edges.source].numpy()) - at_zero
        longest = np.linalg.norm(difference, axis=-1).max()
        assert np.allclose(edges.attributes[:, 1:], difference / longest, atol=1e-6)


def test_east_and_north_are_what_they_are_called():
    here = Grid(np.array([0.0, 40.0]), np.array([0.0, 179.0]))
    graph = IcosahedralGraph(refinement=4).build({"data": here})
    decoder, hidden, data = graph.edges["hidden", "data"], graph.nodes["hidden"], graph.nodes["data"]
    east_of = (hidden.longitudes[decoder.source] - data.longitudes[decoder.target] + 180.0) % 360.0 - 180.0
    north_of = hidden.latitudes[decoder.source] - data.latitudes[decoder.target]
    assert torch.equal(east_of > 0.0, decoder.attributes[:, 2] > 0.0)
    clear = north_of.abs() > 0.1
    assert torch.equal(north_of[clear] > 0.0, decoder.attributes[clear, 3] > 0.0)
    assert (decoder.attributes[:, 1] < 0.0).all()  # The Earth falls away on every side.


@pytest.mark.parametrize("turn", [0.0, 360.0])
def test_edges_without_length_have_attributes_of_zero(turn, coarse):
    hidden = IcosahedralGraph(refinement=0).build({"data": coarse}).nodes["hidden"]
    on_it = Grid(hidden.latitudes[5:6].numpy(), hidden.longitudes[5:6].numpy() + turn)
    decoder = (
        IcosahedralGraph(refinement=0, decoder_num_nearest_neighbours=1)
        .build({"data": on_it})
        .edges["hidden", "data"]
    )
    assert decoder.source.tolist() == [5]
    assert decoder.attributes.abs().max() < 1e-9


def test_turning_the_grid_by_a_symmetry_of_the_mesh_changes_nothing_but_the_names(grid):
    """A third of a turn about the axis takes the mesh to itself, so every node keeps its neighbours."""
    turned = Grid(grid.latitudes, grid.longitudes + 120.0)
    builder = IcosahedralGraph(refinement=2, decoder_cutoff_factor=0.9, decoder_num_nearest_neighbours=None)
    before, after = (builder.build({"data": each}).edges["hidden", "data"] for each in (grid, turned))
    assert torch.equal(before.target, after.target)
    for node in range(len(grid)):
        mine, theirs = before.attributes[before.target == node], after.attributes[after.target == node]
        gaps = (mine[:, None, :] - theirs[None, :, :]).abs().amax(dim=-1)
        assert gaps.amin(dim=1).max() < 1e-5


@pytest.mark.parametrize(
    "options",
    [
        {"refinement": -1},
        {"refinement": 15},
        {"refinement": 2.5},
        {"refinement": True},
        {"multi_scale": 1},
        {"encoder_cutoff_factor": 0.0},
        {"encoder_cutoff_factor": math.nan},
        {"encoder_cutoff_factor": "0.6"},
        {"decoder_num_nearest_neighbours": 0},
        {"encoder_cutoff_factor": None},
        {"decoder_num_nearest_neighbours": None},
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused_by_name(options):
    with pytest.raises(ConfigError, match=r"graph cannot take|has no edges") as caught:
        IcosahedralGraph(**options)
    assert next(iter(options)) in str(caught.value)


def edges_hash(graph):
    """Hash which nodes are joined. Not where they lie: the last bit of a sine depends on the processor."""
    ends = [(name, graph.edges[name].source.tolist(), graph.edges[name].target.tolist()) for name in ALL]
    return sha256(repr(ends).encode()).hexdigest()[:16]


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_domain_has_the_edges_of_the_first_release(variant, octahedral_grid):
    builder = IcosahedralGraph(refinement=2, **VARIANTS[variant])
    assert edges_hash(builder.build({"data": octahedral_grid})) == FIRST_RELEASE[variant]


def test_each_domain_has_the_nodes_and_edges_that_it_has_alone(builder, grid, with_poles):
    domains = {"ocean": grid, "atmosphere": with_poles, "waves": Grid(np.array([12.0]), np.array([-34.0]))}
    together = builder.build(domains)
    assert list(together.nodes) == ["ocean", "atmosphere", "waves", "hidden"]
    assert len(together.edges) == 2 * 3 + 1
    for name, each in domains.items():
        names = [(name, "hidden"), ("hidden", "hidden"), ("hidden", name)]
        part = Graph(
            {kept: together.nodes[kept] for kept in (name, "hidden")},
            {ends: together.edges[ends] for ends in names},
        )
        assert part.identity == builder.build({name: each}).identity


def test_the_order_of_the_domains_changes_nothing(coarse, with_poles):
    builder = IcosahedralGraph(refinement=2)
    one = builder.build({"ocean": coarse, "atmosphere": with_poles})
    other = builder.build({"atmosphere": with_poles, "ocean": coarse})
    assert one.identity == other.identity


def test_no_domain_is_refused():
    with pytest.raises(ConfigError, match="at least one domain"):
        IcosahedralGraph().build({})


def test_a_domain_with_the_name_of_the_hidden_nodes_is_refused(coarse):
    with pytest.raises(ConfigError, match="cannot be named 'hidden'"):
        IcosahedralGraph().build({"data": coarse, "hidden": coarse})


def test_an_empty_grid_is_refused_with_its_domain(coarse):
    empty = Grid(np.empty(0), np.empty(0))
    with pytest.raises(DataError, match="at least one point, but that of 'ocean'"):
        IcosahedralGraph().build({"atmosphere": coarse, "ocean": empty})


def test_the_configuration_shows_every_option_with_its_default():
    text = files("anemoi_plugin_graphs.conf").joinpath("graph/icosahedral.yaml").read_text(encoding="utf-8")
    options = yaml.safe_load(text)
    assert options.pop("name") == "icosahedral"
    assert options == IcosahedralGraph().__dict__


def test_reading_the_configuration_imports_nothing_heavy():
    script = "import sys, anemoi_plugin_graphs.conf; print({'torch', 'numpy', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
