"""Graphs that are put together from parts."""

from importlib.resources import files

import numpy as np
import pytest
import torch
import yaml
from anemoi.core import config
from anemoi.core.errors import AnemoiError, ConfigError, DataError

from anemoi_plugin_graphs.icosahedral import IcosahedralGraph
from anemoi_plugin_graphs.interfaces import NodeAttribute

from .conftest import GRIDS

RECIPE = yaml.safe_load(files("anemoi_plugin_graphs.conf").joinpath("graph/recipe.yaml").read_text())
GRID = GRIDS["octahedral"]


class North(NodeAttribute):
    def values(self, nodes, others):
        return nodes.latitudes > 0


def built(grids=None, **changes):
    return config.build("graph", {**RECIPE, **changes}).build({"data": GRID} if grids is None else grids)


def test_the_recipe_written_out_is_the_icosahedral_graph():
    grids = {"atmosphere": GRID, "ocean": GRIDS["scattered"]}
    assert built(grids).identity == IcosahedralGraph().build(grids).identity


def test_nodes_keep_what_the_recipe_says_of_them_and_a_mask_chooses_who_is_joined():
    edges = {**RECIPE["edges"], "encoder": {**RECIPE["edges"]["encoder"], "source_mask": "north"}}
    north = {"_target_": f"{__name__}.North"}
    graph = config.build(
        "graph",
        {**RECIPE, "edges": edges, "attributes": {"domains": {"weight": {"name": "area"}, "north": north}}},
        trust_code=True,
    ).build({"data": GRID})
    nodes = graph.nodes["data"]
    assert nodes.attributes["weight"].sum() == pytest.approx(4 * np.pi)
    assert torch.equal(nodes.attributes["north"], nodes.latitudes > 0)
    assert (nodes.latitudes[graph.edges["data", "hidden"].source] > 0).all()
    assert not (nodes.latitudes[graph.edges["hidden", "data"].target] > 0).all()


def test_nodes_that_nothing_joins_can_be_taken_out():
    decoder = RECIPE["edges"]["decoder"]
    edges = {
        "processor": RECIPE["edges"]["processor"],
        "decoder": {**decoder, "by": {"near": {"name": "nearest", "neighbours": 1}}},
    }
    whole, rest = built(edges=edges), built(edges=edges, remove_unconnected=["hidden"])
    used = whole.edges["hidden", "data"].source.unique()
    assert torch.equal(rest.nodes["hidden"].positions, whole.nodes["hidden"].positions[used])
    edge, other = rest.edges["hidden", "data"], whole.edges["hidden", "data"]
    assert torch.equal(used[edge.source], other.source)
    mesh = whole.edges["hidden", "hidden"]
    among = torch.isin(mesh.source, used) & torch.isin(mesh.target, used)
    assert len(rest.edges["hidden", "hidden"]) == int(among.sum())


def test_what_joins_the_same_nodes_is_one_set_of_edges():
    encoder = {"source": "domains", "target": "hidden", "no_target_alone": False}
    near, wide = {"c": {"name": "cutoff", "factor": 0.6}}, {"c": {"name": "cutoff", "factor": 1.5}}
    north = {"_target_": f"{__name__}.North"}
    everywhere = {**encoder, "by": near, "attributes": {"length": {"name": "length"}}}
    edges = {"a": everywhere, "b": {**encoder, "by": wide, "source_mask": "north"}}
    parts = {**RECIPE, "attributes": {"domains": {"north": north}}}

    def pairs(edges):
        found = config.build("graph", {**parts, "edges": edges}, trust_code=True).build({"data": GRID})
        found = found.edges["data", "hidden"]
        return set(zip(found.source.tolist(), found.target.tolist(), strict=True)), found.attribute_names

    both, names = pairs(edges)
    assert names == ("edge_length",)
    assert both == pairs({"a": edges["a"]})[0] | pairs({"b": edges["b"]})[0]


def test_edges_longer_than_wanted_are_left_out():
    whole, short = (
        built(),
        built(edges={**RECIPE["edges"], "processor": {**RECIPE["edges"]["processor"], "longest_km": 600.0}}),
    )
    edges, kept = (each.edges["hidden", "hidden"] for each in (whole, short))
    hidden = whole.nodes["hidden"].positions
    chord = (hidden[edges.source] - hidden[edges.target]).norm(dim=-1)
    assert len(kept) == int((2 * torch.asin(chord / 2) * 6371.0 <= 600.0).sum())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": {"hidden": {"name": "icosahedral", "around": ["ocean"]}}}, "'ocean'"),
        ({"edges": {"a": {**RECIPE["edges"]["encoder"], "target": "hiden"}}}, "hidden"),
        (
            {
                "edges": {
                    key: {**RECIPE["edges"]["encoder"], "attributes": {"l": {"name": "length"}}}
                    for key in "ab"
                },
            },
            "both say",
        ),
        ({"keep": {"data": "mask"}}, "keep names 'data'"),
        ({"keep": {"hidden": "mask"}}, "no mask 'mask'"),
        ({"attributes": {"hiden": {"w": {"name": "area"}}}}, "hidden"),
        ({"remove_unconnected": ["data"]}, "remove_unconnected names 'data'"),
        ({"edges": {"a": {**RECIPE["edges"]["processor"], "longest_km": 1.0}}}, "No edge joins"),
        ({"edges": {"a": {**RECIPE["edges"]["encoder"], "by": {"c": {"name": "cutoff", "km": -1.0}}}}}, "km"),
        (
            {"edges": {"a": {**RECIPE["edges"]["encoder"], "by": {"c": {"name": "multi-scale"}}}}},
            "themselves",
        ),
    ],
)
def test_what_a_recipe_cannot_mean_is_refused(changes, message):
    with pytest.raises((ConfigError, DataError)) as caught:
        built(**changes)
    assert message in str(caught.value)


def test_a_domain_cannot_have_the_name_of_other_nodes():
    for name in ("hidden", "domains"):
        with pytest.raises(AnemoiError, match="cannot be named"):
            built({name: GRID})
