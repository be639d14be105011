import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes

from anemoi_plugin_graphtransformer.mapper import GraphTransformerMapper
from anemoi_plugin_graphtransformer.processor import GraphTransformerProcessor


def points(count):
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def random_edges(num_sources, num_targets, num_edges=40):
    torch.manual_seed(1)
    source, target = torch.randint(num_sources, (num_edges,)), torch.randint(num_targets, (num_edges,))
    return Edges.sorted(source, target, torch.randn(num_edges, 3), ("a", "b", "c"))


def processor(**options):
    torch.manual_seed(0)
    options = {"num_layers": 2, "num_heads": 2, **options}
    return GraphTransformerProcessor(nodes=points(11), edges=random_edges(11, 11), channels=8, **options)


def mapper(**options):
    torch.manual_seed(0)
    given = {"source_channels": 5, "target_channels": 3, "channels": 8, "out_channels": 4, "num_heads": 2}
    ends = {"source": points(9), "target": points(7), "edges": random_edges(9, 7)}
    return GraphTransformerMapper(**{**ends, **given, **options})


def test_a_node_sees_the_sources_of_its_edges_and_nothing_else():
    layer, edges = processor(num_layers=1), random_edges(11, 11)
    x = torch.randn(1, 11, 8, requires_grad=True)
    layer(x)[0, 4].square().sum().backward()
    seen = x.grad[0].abs().sum(-1).nonzero()[:, 0].tolist()
    assert seen == sorted({4, *edges.source[edges.target == 4].tolist()})


def test_checkpointing_changes_no_bit():
    x = torch.randn(2, 11, 8)
    results = []
    for options in ({}, {"gradient_checkpointing": True, "num_chunks": 2}):
        layer = processor(trainable_size=2, **options)
        layer(x).square().sum().backward()
        results.append([each.grad for each in layer.parameters()])
    assert all(map(torch.equal, *results))


def test_only_the_named_attributes_count():
    x = torch.randn(1, 11, 8)
    edges = random_edges(11, 11)
    layer = processor(edge_attributes=["c", "a"])
    expected = layer(x)
    changed = edges.attributes.clone()
    changed[:, 1] += 1.0
    layer.edge_attributes.known.copy_(changed[:, [2, 0]])
    assert torch.equal(layer(x), expected)
    with pytest.raises(ConfigError, match="no attribute 'd'"):
        processor(edge_attributes=["d"])


@pytest.mark.parametrize("make", [processor, mapper])
def test_learnt_features_of_edges_reach_the_result(make):
    layer = make(trainable_size=2, edge_pre_mlp=True)
    given = [torch.randn(2, 11, 8)] if make is processor else [torch.randn(2, 9, 5), torch.randn(2, 7, 3)]
    layer(*given).square().sum().backward()
    gradient = layer.edge_attributes.trainable.trainable.grad
    assert gradient.shape == (40, 2)
    assert gradient.any()


@pytest.mark.parametrize("make", [processor, mapper])
def test_a_condition_scales_and_shifts(make):
    layer = make(condition_channels=3)
    given = [torch.randn(2, 11, 8)] if make is processor else [torch.randn(2, 9, 5), torch.randn(2, 7, 3)]
    one, other = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.equal(layer(*given, one), layer(*given, other))  # until it has learnt
    for name, parameter in layer.named_parameters():
        if "modulation" in name:
            torch.nn.init.normal_(parameter)
    assert not torch.allclose(layer(*given, one), layer(*given, other))
    with pytest.raises(ConfigError, match="built for 3 conditions, but was given 0"):
        layer(*given)


def test_what_cannot_be_honoured_is_refused():
    with pytest.raises(ConfigError, match="8 channels cannot be shared by 3 heads"):
        processor(num_heads=3)
    with pytest.raises(ConfigError, match="9 channels cannot be shared by 2 heads"):
        mapper(attn_channels=9)
    with pytest.raises(ConfigError, match="2 layers cannot be cut into 3 chunks"):
        processor(num_chunks=3)
    with pytest.raises(ConfigError, match="takes no activation"):
        processor(mlp_implementation="glu", activation="relu")
    with pytest.raises(ConfigError, match="embed_out=false leaves 8 channels, but 4 are needed"):
        mapper(embed_out=False)


def test_a_mapper_embeds_where_it_must_and_where_it_is_told():
    assert {name for name, _ in mapper().named_children() if name.startswith("embed")} == {
        "embed_source",
        "embed_target",
        "embed_out",
    }
    bare = mapper(source_channels=8, target_channels=8, out_channels=8)
    assert not any(name.startswith("embed") for name, _ in bare.named_parameters())
    told = mapper(source_channels=8, target_channels=8, out_channels=8, embed_source=True)
    assert {name.split(".")[0] for name, _ in told.named_parameters()} >= {"embed_source"}
