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
    query = mapper.query(target)
    key_value, from_edge = (
        mapper.key_value(source),
        mapper.edge(edges.attributes.double()),
    )
    attended = torch.zeros_like(target)
    width = 16 // mapper.heads
    for node in range(target.shape[1]):
        mine = (edges.target == node).nonzero()[:, 0]
        if not len(mine):
            continue
        both = key_value[:, edges.source[mine]] + from_edge[mine]
        for head in range(mapper.heads):
            part = slice(head * width, (head + 1) * width)
            key, value = both[..., :16][..., part], both[..., 16:][..., part]
            weight = torch.softmax((query[:, node, None, part] * key).sum(-1) / math.sqrt(width), dim=-1)
            attended[:, node, part] = (weight[..., None] * value).sum(1)
    target = target + mapper.attention_out(attended)
    target = target + mapper.mlp(mapper.norm_mlp(target))
    return mapper.out(target)


@pytest.mark.parametrize("num_heads", [1, 2, 4])
def test_equals_attention_one_node_at_a_time(num_heads):
    mapper, edges = make(num_heads=num_heads)
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


def test_a_condition_is_refused():
    mapper, _ = make()
    with pytest.raises(ConfigError, match="condition"):
        mapper(torch.zeros(1, 7, 4).double(), torch.zeros(1, 5, 6).double(), torch.zeros(1, 2).double())
