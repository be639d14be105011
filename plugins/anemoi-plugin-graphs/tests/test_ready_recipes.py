"""The recipes that come with the plugin, each built on small data."""

from importlib.resources import files

import numpy as np
import pytest
import torch
import yaml
from anemoi.core import config
from anemoi.core.grid import Grid

from anemoi_plugin_graphs.icosahedral import IcosahedralGraph

from .conftest import octahedral, regional, regular

GLOBE = {"data": octahedral(12)}
COUPLED = {"atmosphere": octahedral(12), "ocean": regular(10.0)}


def built(name, grids, **changes):
    text = files("anemoi_plugin_graphs.conf").joinpath(f"graph/{name}.yaml").read_text()
    spec = yaml.safe_load(text)
    for key, value in changes.items():
        *path, last = key.split("__")
        section = spec
        for part in path:
            section = section[part]
        section[last] = value
    return config.build("graph", spec).build(grids)


@pytest.mark.parametrize("name", ["multi_scale", "hexagonal", "healpix", "multi_domain", "hierarchical"])
@pytest.mark.parametrize("grids", [GLOBE, COUPLED], ids=["one domain", "two"])
def test_every_domain_is_heard_and_hears(name, grids):
    graph = built(name, grids)
    for domain in grids:
        count = len(graph.nodes[domain])
        assert len(graph.edges["hidden", domain].target.unique()) == count
        assert len(graph.edges[domain, "hidden"].target.unique()) == len(graph.nodes["hidden"])


def test_the_multi_scale_recipe_is_the_icosahedral_graph():
    assert built("multi_scale", COUPLED).identity == IcosahedralGraph().build(COUPLED).identity


def test_a_graph_without_hidden_edges_has_none():
    assert set(built("encoder_decoder_only", GLOBE).edges) == {("data", "hidden"), ("hidden", "data")}


def test_a_limited_area_has_nodes_there_alone():
    graph = built("limited_area", {"data": regional()}, nodes__hidden__refinement=5)
    hidden, data = graph.nodes["hidden"], graph.nodes["data"]
    nearest = (hidden.positions @ data.positions.T).max(dim=1).values.clamp(max=1.0)
    assert float(torch.rad2deg(torch.arccos(nearest)).max()) < 10.0
    assert len(hidden) < 2_000


def test_a_stretched_grid_is_fine_over_the_region():
    fine, around = regional(), octahedral(12)
    outside = (np.abs(around.latitudes) > 20) | (np.abs(around.longitudes - 178) > 20)
    grid = Grid(
        np.concatenate([fine.latitudes, around.latitudes[outside]]),
        np.concatenate([fine.longitudes, around.longitudes[outside]]),
    )
    graph = built("stretched_grid", {"data": grid}, attributes__data__region__stop=len(fine))
    hidden = graph.nodes["hidden"]
    assert int(graph.nodes["data"].attributes["region"].sum()) == len(fine)
    assert 2_562 < len(hidden) < 40_962 / 4
    assert len(graph.edges["hidden", "data"].target.unique()) == len(grid)


def test_levels_are_joined_up_and_down():
    graph = built("hierarchical", GLOBE)
    assert [len(graph.nodes[name]) for name in ("hidden", "hidden_1", "hidden_2")] == [2562, 642, 162]
    for lower, upper in (("hidden", "hidden_1"), ("hidden_1", "hidden_2")):
        assert len(graph.edges[lower, upper].target.unique()) == len(graph.nodes[upper])
        assert len(graph.edges[upper, lower].target.unique()) == len(graph.nodes[lower])
        assert len(graph.edges[lower, upper].source.unique()) == len(graph.nodes[lower])
