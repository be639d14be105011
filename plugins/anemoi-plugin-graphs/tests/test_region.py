"""A mesh over a region is the part of the mesh over the globe that lies there."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid

from anemoi_plugin_graphs.icosahedral import IcosahedralGraph
from anemoi_plugin_graphs.icosphere import icosphere
from anemoi_plugin_graphs.node_set import NodeSet
from anemoi_plugin_graphs.nodes.icosahedral import IcosahedralNodes, longest_edge
from anemoi_plugin_graphs.region import region_of

from .conftest import GRIDS, octahedral, regular


def box(south: float, north: float, west: float, east: float, rows: int = 20, columns: int = 60) -> Grid:
    latitudes, longitudes = np.meshgrid(
        np.linspace(south, north, rows), np.linspace(west, east, columns), indexing="ij"
    )
    return Grid(latitudes.ravel(), longitudes.ravel(), latitudes.shape)


BOXES = {
    "Europe": box(45.0, 50.0, 0.0, 30.0),
    "over the date line": box(-20.0, 10.0, 170.0, 195.0),
    "longitudes below zero": box(-20.0, 10.0, -190.0, -165.0),
    "around a pole": box(80.0, 90.0, 0.0, 350.0),
    "one point": Grid(np.array([12.0]), np.array([-34.0])),
    "one point twice, on a pole": Grid(np.array([90.0, 90.0]), np.array([0.0, 77.0])),
    "a hole": Grid(*(each[np.hypot(box(40, 60, 0, 30).latitudes - 50, box(40, 60, 0, 30).longitudes - 15) > 4]
                     for each in (box(40, 60, 0, 30).latitudes, box(40, 60, 0, 30).longitudes))),
}  # fmt: skip


def degrees(one, other):
    return np.rad2deg(2.0 * np.arcsin(np.minimum(np.linalg.norm(one - other, axis=-1) / 2.0, 1.0)))


@pytest.mark.parametrize("grid", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("refinement", [3, 5])
def test_it_is_the_part_of_the_global_mesh_near_the_data(grid, refinement):
    nodes = IcosahedralNodes(refinement=refinement, margin=2.0).build({"data": NodeSet.of(grid)})
    whole = icosphere(refinement)
    positions = NodeSet.at(whole.vertices).positions
    distance = degrees(positions[:, None], np.unique(grid.positions, axis=0)[None]).min(axis=1)
    margin = np.rad2deg(2.0 * longest_edge(refinement))
    inside = distance <= margin
    # All within the margin are there, in their order; others only where the grid itself is coarser.
    number = {tuple(position): index for index, position in enumerate(positions)}
    found = np.array([number[tuple(position)] for position in nodes.positions])
    assert (np.diff(found) > 0).all()
    assert set(np.flatnonzero(inside)) <= set(found)
    if refinement == 3:
        assert set(found) == set(np.flatnonzero(inside))
    # Its edges are those of the whole mesh that join what is kept.
    kept = np.zeros(len(positions), dtype=bool)
    kept[found] = True
    for mesh, expected in zip(nodes.meshes, whole.edges, strict=True):
        there = expected[kept[expected].all(axis=1)]
        assert np.array_equal(found[mesh], there)


def test_a_region_of_1200_points_has_a_mesh_of_its_own_and_no_edge_leads_far():
    graph = IcosahedralGraph(refinement=6).build({"data": BOXES["Europe"]})
    assert 160 <= len(graph.nodes["hidden"]) <= 400  # of 40,962 on the globe
    for (source, target), edges in graph.edges.items():
        if source != target:
            ends = graph.nodes[source].positions[edges.source], graph.nodes[target].positions[edges.target]
            assert degrees(*(each.numpy() for each in ends)).max() < 3 * np.rad2deg(longest_edge(6))


def test_a_mesh_far_too_fine_for_the_globe_fits_over_a_region():
    nodes = IcosahedralNodes(refinement=11).build({"data": NodeSet.of(box(50.0, 50.4, 5.0, 5.6))})
    assert 100 < len(nodes) < 3_000  # of 42 million


@pytest.mark.parametrize(
    "grid",
    [regular(10.0), octahedral(8), octahedral(32), GRIDS["scattered"], GRIDS["coarse"], regular(2.5)],
    ids=["10°", "O8", "O32", "scattered", "45°", "2.5°"],
)
@pytest.mark.parametrize("refinement", [1, 4])
def test_grids_of_the_globe_have_the_whole_mesh(grid, refinement):
    graph = IcosahedralGraph(refinement=refinement).build({"data": grid})
    assert len(graph.nodes["hidden"]) == 10 * 4**refinement + 2


def test_one_global_domain_is_enough_for_the_whole_mesh():
    domains = {"atmosphere": regular(10.0), "waves": BOXES["Europe"]}
    assert len(IcosahedralGraph(refinement=3).build(domains).nodes["hidden"]) == 642


def test_two_regions_have_the_meshes_of_both():
    one, other = BOXES["Europe"], BOXES["over the date line"]
    build = IcosahedralGraph(refinement=4).build
    both, alone = build({"a": one, "b": other}).nodes["hidden"], [build({"a": each}) for each in (one, other)]
    apart = torch.cat([each.nodes["hidden"].positions for each in alone])
    assert {tuple(each) for each in both.positions.tolist()} == {tuple(each) for each in apart.tolist()}


def test_without_a_margin_the_mesh_covers_the_globe():
    graph = IcosahedralGraph(refinement=2, margin=None).build({"data": BOXES["Europe"]})
    assert len(graph.nodes["hidden"]) == 162


def test_nodes_to_go_around_that_are_not_there_are_named():
    nodes = {"data": NodeSet.of(BOXES["Europe"])}
    with pytest.raises(ConfigError, match="'ocean'"):
        IcosahedralNodes(around=("ocean",)).build(nodes)


def test_no_points_are_refused():
    with pytest.raises(DataError, match="none"):
        region_of([np.empty((0, 3))])
