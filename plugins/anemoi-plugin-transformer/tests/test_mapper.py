import math

import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes

from anemoi_plugin_transformer.mapper import TransformerMapper


def points(count):
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def make(num_source=7, num_target=5, num_edges=20, **options):
    torch.manual_seed(0)
    # The last target has no edges; the others have between one and many.
    target = torch.cat([torch.arange(num_target - 1), torch.randint(num_target - 1, (num_edges,))])
    source = torch.randint(num_source, target.shape)
    edges = Edges.sorted(source, target, torch.randn(len(target), 3), ("a", "b", "c"))
    mapper = TransformerMapper(
        source=points(num_source),
        target=points(num_target),
        edges=edges,
        source_channels=4,
        target_channels=6,
        channels=16,
        out_channels=3,
        **options,
    )
    return mapper.double(), edges


def reference(mapper, edges, source, target):
    """The same layer, one target node and one head at a time."""
    source, target = mapper.embed_source(source), mapper.embed_target(target)
    attention = mapper.attention
    query = attention.query(target)
    key_value, from_edge = attention.key_value(source), attention.edge(edges.attributes.double())
    heads, width = attention.heads
    attended = torch.zeros_like(query)
    for node in range(target.shape[1]):
        mine = (edges.target == node).nonzero()[:, 0]
        if not len(mine):
            continue
        both = key_value[:, edges.source[mine]] + from_edge[mine]
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            key, value = (each[..., part] for each in both.chunk(2, dim=-1))
            score = (attention.norm_query(query[:, node, None, part]) * attention.norm_key(key)).sum(-1)
            score = score / math.sqrt(width)
            if attention.softcap:
                score = attention.softcap * torch.tanh(score / attention.softcap)
            weight = torch.softmax(score, dim=-1)
            attended[:, node, part] = (weight[..., None] * value).sum(1)
    target = target + attention.out(attended)
    target = target + mapper.mlp(mapper.norm_mlp(target))
    return mapper.out(target)


@pytest.mark.parametrize(
    "options",
    [
        {"num_heads": 1},
        {"num_heads": 2},
        {"num_heads": 4},
        {"attn_channels": 24},
        {"qk_norm": True},
        {"softcap": 0.3},
        {"gradient_checkpointing": True},
    ],
)
@pytest.mark.parametrize("num_edges", [0, 20])
def test_equals_attention_one_node_at_a_time(options, num_edges):
    mapper, edges = make(num_edges=num_edges, **options)
    source, target = torch.randn(2, 7, 4).double(), torch.randn(2, 5, 6).double()
    ours, theirs = mapper(source, target), reference(mapper, edges, source, target)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    parameters = list(mapper.parameters())
    gradients = torch.autograd.grad(ours.square().sum(), parameters)
    expected = torch.autograd.grad(theirs.square().sum(), parameters)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-8, atol=1e-10)


def test_large_scores_stay_finite():
    mapper, _ = make()
    out = mapper.float()(1e4 * torch.randn(1, 7, 4), 1e4 * torch.randn(1, 5, 6))
    assert out.isfinite().all()


def test_weights_do_not_depend_on_the_graph():
    small, _ = make()
    large, _ = make(num_source=50, num_target=40, num_edges=300)
    large.load_state_dict(small.state_dict())


def run(mapper, *condition):
    generator = torch.Generator().manual_seed(4)
    source, target = (torch.randn(2, n, c, generator=generator).double() for n, c in ((7, 4), (5, 6)))
    return mapper(source, target, *condition)


@pytest.mark.parametrize(
    ("options", "condition", "message"),
    [
        ({}, 2, "built for 0 conditions, but was given 2"),
        ({"condition_channels": 2}, 0, "built for 2 conditions, but was given 0"),
        ({"attn_channels": 18}, 0, "18 channels cannot be shared by 4 heads"),
        ({"edge_attributes": ["a", "length"]}, 0, "no attribute 'length'"),
        ({"mlp_implementation": "glu", "activation": "relu"}, 0, "takes no activation"),
    ],
)
def test_what_it_cannot_honour_is_refused(options, condition, message):
    with pytest.raises(ConfigError, match=message):
        run(make(**options)[0], *([torch.zeros(2, condition).double()] if condition else []))


def test_a_condition_scales_and_shifts_what_the_mlp_sees():
    mapper, _ = make(condition_channels=3)
    condition = torch.randn(2, 3).double()
    assert torch.equal(run(mapper, condition), run(mapper, -condition)), "at first it must not matter"
    torch.nn.init.normal_(mapper.norm_mlp.modulation.weight)
    assert not torch.allclose(run(mapper, condition), run(mapper, -condition))


def test_only_the_attributes_that_are_asked_for_matter():
    mapper, _ = make(edge_attributes=["c", "a"])
    assert mapper.attention.edge.in_features == 2
    mapper.attention.edge.reset_parameters()
    assert not torch.allclose(run(mapper), run(make()[0]))


def test_features_of_edges_are_learnt_on_demand():
    mapper, edges = make(trainable_size=2)
    run(mapper).square().sum().backward()
    gradient = mapper.trainable.trainable.grad
    assert gradient.shape == (len(edges), 2)
    assert (gradient.abs().sum(-1) > 0).sum() > len(edges) / 2


def test_dropout_is_for_training_alone():
    mapper, _ = make(dropout_p=0.5)
    assert not torch.allclose(run(mapper), run(mapper))
    plain, _ = make()
    torch.testing.assert_close(run(mapper.eval()), run(plain))


def test_all_options_run_under_autocast():
    mapper, _ = make(qk_norm=True, softcap=1.0, dropout_p=0.1, trainable_size=1, mlp_implementation="geglu")
    mapper = mapper.float().eval()
    source, target = torch.randn(2, 7, 4), torch.randn(2, 5, 6)
    exact = mapper(source, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = mapper(source, target)
    rounded.float().sum().backward()
    torch.testing.assert_close(rounded.float(), exact, rtol=0.1, atol=0.1)
