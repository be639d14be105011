"""The hierarchical model on a small graph of three levels, with layers that can be followed by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.config import Builder
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Mapper, Processor
from anemoi.core.model import check_condition
from anemoi.core.steps import Steps
from anemoi.core.variable import Variable

from anemoi_plugin_hierarchical.model import HierarchicalModel, Levels, levels_of

SIX_HOURS = np.timedelta64(6 * 3600, "s")
STEPS = Steps((0 * SIX_HOURS,), (SIX_HOURS,), SIX_HOURS, SIX_HOURS)
SIZES = {"hidden": 8, "hidden_1": 4, "hidden_2": 2}


class Mean(Mapper):
    """The mean of the sources of each target."""

    def __init__(self, *, source, target, edges, source_channels, target_channels, channels, out_channels):
        super().__init__(
            source=source,
            target=target,
            edges=edges,
            source_channels=source_channels,
            target_channels=target_channels,
            channels=channels,
            out_channels=out_channels,
        )
        self.edges, self.count, self.out_channels = edges, len(target), out_channels

    def forward(self, source, target, condition=None):
        heard = torch.zeros(len(source), self.count, source.shape[-1])
        heard.index_add_(1, self.edges.target, source[:, self.edges.source])
        mean = heard / torch.bincount(self.edges.target, minlength=self.count)[:, None]
        return mean[..., :1].expand(-1, -1, self.out_channels)


class Double(Processor):
    def forward(self, x, condition=None):
        return 2.0 * x

    def __init__(self, *, nodes, edges, channels):
        super().__init__(nodes=nodes, edges=edges, channels=channels)


def nodes_of(count):
    return Nodes(torch.linspace(-60, 60, count, dtype=torch.float64), torch.arange(count).double() * 7.0)


def joined(source, target):
    """Each target hears the sources of its share, or the one whose share it is in."""
    ratio = max(source, target) // min(source, target)
    fine = torch.arange(max(source, target))
    ends = (fine, fine // ratio) if source >= target else (fine // ratio, fine)
    return Edges.sorted(*ends, torch.zeros(len(fine), 1), ("length",))


@pytest.fixture
def graph():
    nodes = {"data": nodes_of(8), **{name: nodes_of(count) for name, count in SIZES.items()}}
    pairs = [("data", "hidden"), ("hidden", "data")]
    names = list(SIZES)
    pairs += [(name, name) for name in names]
    pairs += [(a, b) for a in names for b in names if a != b and {a, b} != {"hidden", "hidden_2"}]
    return Graph(nodes, {(a, b): joined(len(nodes[a]), len(nodes[b])) for a, b in pairs})


def part(kind, cls):
    return Builder(kind, {"_target_": f"{__name__}.{cls.__name__}"}, trust_code=True)


def levels(graph):
    return Levels(
        graph,
        channels=3,
        finest=Double(nodes=graph.nodes["hidden"], edges=graph.edges["hidden", "hidden"], channels=3),
        processor=part("processor", Double),
        up=part("mapper", Mean),
        down=part("mapper", Mean),
    )


def test_a_state_goes_up_through_all_levels_and_down_again(graph):
    x = torch.arange(8.0)[None, :, None].expand(1, 8, 3)
    first = 2.0 * x
    second = 2.0 * first.reshape(1, 4, 2, 3).mean(2)
    third = 2.0 * second.reshape(1, 2, 2, 3).mean(2)
    second = 2.0 * (second + third.repeat_interleave(2, dim=1))
    expected = 2.0 * (first + second.repeat_interleave(2, dim=1))
    torch.testing.assert_close(levels(graph)(x), expected)


def test_each_level_has_weights_of_its_own_and_the_highest_one_processor(graph):
    found = levels(graph)
    assert (len(found.rising), len(found.sinking)) == (3, 2)
    assert (len(found.upward), len(found.downward)) == (2, 2)


def domain_of(count):
    ones = np.ones(1)
    nodes = nodes_of(count)
    return Domain(
        variables=(Variable("t"),),
        grid=Grid(nodes.latitudes.numpy(), nodes.longitudes.numpy()),
        frequency=SIX_HOURS,
        statistics=Statistics(0 * ones, ones, -ones, ones),
        changes=Statistics(0 * ones, ones, -ones, ones),
    )


def built(graph):
    return HierarchicalModel(
        domains={"data": domain_of(8)},
        graph=graph,
        steps={"data": STEPS},
        channels=3,
        encoder=part("mapper", Mean),
        processor=part("processor", Double),
        decoder=part("mapper", Mean),
        up=part("mapper", Mean),
        down=part("mapper", Mean),
    )


def test_the_levels_are_what_the_model_works_with_between_encoder_and_decoder(graph):
    model = built(graph)
    fields = torch.randn(2, 1, 1, 8, 1)
    encoded = fields[:, 0, 0].expand(2, 8, 3)  # each hidden node hears one point
    change = levels(graph)(encoded)[..., :1]
    torch.testing.assert_close(model({"data": fields})["data"][:, 0, 0], fields[:, 0, 0] + change)


def test_a_graph_of_one_level_is_refused(graph):
    flat = Graph(
        {name: graph.nodes[name] for name in ("data", "hidden")},
        {ends: edges for ends, edges in graph.edges.items() if set(ends) <= {"data", "hidden"}},
    )
    with pytest.raises(ConfigError, match="graph with levels") as caught:
        built(flat)
    assert "graph=hierarchical" in str(caught.value)


def test_levels_that_are_not_joined_are_named(graph):
    edges = {ends: each for ends, each in graph.edges.items() if ends != ("hidden_2", "hidden_1")}
    with pytest.raises(ConfigError, match="hidden_2 -> hidden_1"):
        levels_of(Graph(graph.nodes, edges))


def test_a_condition_on_nodes_is_left_to_models_of_one_level():
    objective = SimpleNamespace(condition_channels=2, condition_on_nodes=True)
    with pytest.raises(ConfigError, match="each hidden node on 2 numbers, but the model takes"):
        check_condition(objective, HierarchicalModel)
