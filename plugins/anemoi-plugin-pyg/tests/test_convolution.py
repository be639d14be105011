import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from torch_geometric import nn as pyg

from anemoi_plugin_pyg.processor import PyGProcessor

CHANNELS = 8


def make(conv="GATv2Conv", *, attributes=3, **given):
    torch.manual_seed(0)
    nodes = Nodes(torch.linspace(-80, 80, 6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64))
    source, target = torch.tensor([0, 1, 1, 4, 5, 2, 0]), torch.tensor([3, 3, 2, 1, 0, 3, 5])
    edges = Edges.sorted(source, target, torch.randn(7, attributes), tuple("abc"[:attributes]))
    return PyGProcessor(nodes=nodes, edges=edges, channels=CHANNELS, conv=conv, **given), edges


@pytest.mark.parametrize(
    ("conv", "options"),
    [
        ("GATv2Conv", {"heads": 2}),
        ("GATv2Conv", {"heads": 2, "concat": False}),
        ("TransformerConv", {"heads": 4, "beta": True}),
        ("GCNConv", {"improved": True}),
        ("ChebConv", {"K": 2}),
        ("SAGEConv", {"aggr": "max"}),
        ("GeneralConv", {}),
        ("GENConv", {"norm": "layer"}),
        ("PDNConv", {"hidden_channels": 5}),
        ("GatedGraphConv", {"num_layers": 2}),
        ("ResGatedGraphConv", {}),
    ],
    ids=str,
)
def test_each_item_of_the_batch_goes_through_the_convolution(conv, options):
    processor, edges = make(conv, options=options, num_layers=1)
    layer = processor.eval().layers[0]
    assert type(layer.convolution.conv) is getattr(pyg, conv)
    x = torch.randn(3, 6, CHANNELS)
    index = torch.stack([edges.source, edges.target])
    given = {"edge_attr": edges.attributes} if layer.convolution.takes_edges else {}
    expected = torch.stack(
        [one + layer.convolution.conv(layer.before(layer.norm(one)), index, **given) for one in x]
    )
    torch.testing.assert_close(processor(x), expected)


@pytest.mark.parametrize("conv", ["GATv2Conv", "TransformerConv", "GeneralConv", "PDNConv"])
def test_edge_features_matter_where_the_convolution_takes_them(conv):
    options = {"hidden_channels": 4} if conv == "PDNConv" else {}
    processor, _ = make(conv, options=options)
    x = torch.randn(1, 6, CHANNELS)
    before = processor.eval()(x)
    processor.edge_features += 1
    assert not torch.allclose(processor(x), before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"conv": "GATv3Conv"}, "no convolution 'GATv3Conv'.*\n?.*GATv2Conv"),
        ({"conv": "HeteroConv"}, "no convolution 'HeteroConv'"),
        ({"conv": "PointNetConv"}, "works on pos"),
        ({"conv": "HypergraphConv"}, "works on hyperedge_index"),
        ({"conv": "SuperGATConv", "options": {"heads": 3}}, "cannot be shared by 3 heads"),
        ({"conv": "GINConv"}, "needs a value for nn"),
        ({"conv": "ChebConv"}, "needs a value for K"),
        (
            {"conv": "PDNConv", "attributes": 0, "options": {"hidden_channels": 4}},
            "needs a value for edge_dim",
        ),
        ({"options": {"head": 2}}, "no option 'head'.*\n?.*'heads'"),
        ({"options": {"heads": "2"}}, "heads of GATv2Conv cannot be '2'"),
        ({"options": {"heads": 3}}, "cannot be shared by 3 heads"),
        ({"options": {"out_channels": 3}}, "follows from the model"),
        ({"conv": "GCNConv", "options": {"cached": True}}, "cached of GCNConv cannot be used"),
        ({"conv": "ChebConv", "options": {"K": 0}}, "does not take these options"),
        ({"conv": "HGTConv"}, "does not fit"),
        ({"conv": "SimpleConv", "options": {"combine_root": "cat"}}, "no option 'combine_root'|16"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        make(**given)


def test_a_condition_is_refused_unless_built_for():
    processor, _ = make()
    with pytest.raises(ConfigError, match="built for 0 conditions"):
        processor(torch.randn(1, 6, CHANNELS), torch.randn(1, 2))
    conditioned, _ = make(condition_channels=2)
    assert conditioned(torch.randn(1, 6, CHANNELS), torch.randn(1, 2)).shape == (1, 6, CHANNELS)
