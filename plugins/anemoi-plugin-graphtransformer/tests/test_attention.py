import pytest
import torch
from anemoi.core.graph import Edges

from anemoi_plugin_graphtransformer.attention import edge_attention
from anemoi_plugin_graphtransformer.incidence import Incidence


def reference(query, key, value, weight, attributes, edges):
    """One target node at a time, with keys and values for each edge."""
    heads, width, _ = weight.shape
    q, k, v = (torch.unflatten(each, -1, (heads, width)) for each in (query, key, value))
    e = torch.einsum("hca,ea->ehc", weight, attributes)
    outs = []
    for node in range(query.shape[1]):
        mine = (edges.target == node).nonzero()[:, 0]
        near = edges.source[mine]
        score = torch.einsum("bhc,bnhc->bnh", q[:, node], k[:, near] + e[mine]) / width**0.5
        outs.append(torch.einsum("bnh,bnhc->bhc", score.softmax(1), v[:, near] + e[mine]))
    return torch.stack(outs, 1).flatten(2)


def random_edges(num_sources, num_targets, num_edges):
    source, target = torch.randint(num_sources, (num_edges,)), torch.randint(num_targets, (num_edges,))
    return Edges.sorted(source, target, torch.zeros(num_edges, 0))


def components():
    """Two rings that nothing joins."""
    ring = torch.arange(6)
    after = (ring + 1) % 6
    return Edges.sorted(torch.cat([ring, ring + 6]), torch.cat([after, after + 6]), torch.zeros(12, 0))


def star():
    """One node hears all, and all others hear one."""
    others = torch.arange(1, 12)
    zeros = torch.zeros_like(others)
    return Edges.sorted(torch.cat([others, zeros]), torch.cat([zeros, others]), torch.zeros(22, 0))


GRAPHS = {
    "ragged": lambda: (random_edges(9, 12, 60), 9, 12),
    "isolated nodes": lambda: (random_edges(20, 30, 25), 20, 30),
    "uneven degree": lambda: (star(), 12, 12),
    "several components": lambda: (components(), 12, 12),
    "one node": lambda: (random_edges(1, 1, 1), 1, 1),
    "no edges": lambda: (random_edges(4, 5, 0), 4, 5),
}


def tensors(edges, num_sources, num_targets, *, batch=2, heads=3, width=5, count=4, dtype=torch.float64):
    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, requires_grad=True)

    nodes = [normal(batch, number, heads * width) for number in (num_targets, num_sources, num_sources)]
    known = torch.cat(
        [torch.randn(len(edges), count, dtype=dtype), torch.ones(len(edges), 1, dtype=dtype)], -1
    )
    return *nodes, normal(heads, width, count + 1), known.requires_grad_()


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("batch", [1, 3])
def test_equals_attention_one_node_at_a_time(graph, batch):
    torch.manual_seed(0)
    edges, num_sources, num_targets = GRAPHS[graph]()
    incidence = Incidence(edges=edges, num_sources=num_sources, num_targets=num_targets, heads=3)
    given = tensors(edges, num_sources, num_targets, batch=batch)
    ours, theirs = edge_attention(*given, incidence.entries), reference(*given, edges)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    weight = torch.randn_like(ours)
    gradients = torch.autograd.grad((ours * weight).sum(), given)
    expected = torch.autograd.grad((theirs * weight).sum(), given, materialize_grads=True)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-11)


def test_attributes_without_a_gradient_get_none():
    edges, num_sources, num_targets = GRAPHS["ragged"]()
    incidence = Incidence(edges=edges, num_sources=num_sources, num_targets=num_targets, heads=3)
    *given, known = tensors(edges, num_sources, num_targets)
    edge_attention(*given, known.detach(), incidence.entries).sum().backward()
    assert all(each.grad is not None for each in given)


def test_large_scores_stay_finite():
    edges, num_sources, num_targets = GRAPHS["ragged"]()
    incidence = Incidence(edges=edges, num_sources=num_sources, num_targets=num_targets, heads=3)
    given = tensors(edges, num_sources, num_targets, dtype=torch.float32)
    out = edge_attention(*(1e4 * each for each in given), incidence.entries)
    assert out.isfinite().all()
    assert all(each.isfinite().all() for each in torch.autograd.grad(out.sum(), given))


def test_any_number_of_threads_gives_the_same_bits():
    torch.manual_seed(0)
    edges = random_edges(3000, 3000, 20000)
    incidence = Incidence(edges=edges, num_sources=3000, num_targets=3000, heads=4)
    given = tensors(edges, 3000, 3000, heads=4, width=16, dtype=torch.float32)
    results, threads = [], torch.get_num_threads()
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            out = edge_attention(*given, incidence.entries)
            results.append([out, *torch.autograd.grad(out.square().sum(), given[:3])])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


def test_no_tensor_holds_channels_for_each_edge():
    edges = random_edges(100, 100, 4000)
    incidence = Incidence(edges=edges, num_sources=100, num_targets=100, heads=2)
    given = tensors(edges, 100, 100, heads=2, width=32, dtype=torch.float32)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided:
                    largest = max(largest, tensor.numel())
            return out

    with Watch():
        edge_attention(*given, incidence.entries).sum().backward()
    assert 0 < largest < len(edges) * 32


def test_keeps_nothing_for_the_gradient_but_its_arguments_and_the_attention():
    edges = random_edges(50, 40, 400)
    incidence = Incidence(edges=edges, num_sources=50, num_targets=40, heads=2)
    given = tensors(edges, 50, 40, batch=1, heads=2, width=32, dtype=torch.float32)
    there = {each.data_ptr() for each in (*given, *incidence.entries)}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each) or each, lambda each: each):
        edge_attention(*given, incidence.entries)
    assert [each.numel() for each in kept if each.data_ptr() not in there] == [2 * len(edges)]


def test_takes_less_than_float32_and_computes_in_it():
    torch.manual_seed(0)
    edges, num_sources, num_targets = GRAPHS["ragged"]()
    incidence = Incidence(edges=edges, num_sources=num_sources, num_targets=num_targets, heads=3)
    given = [each.detach().bfloat16().requires_grad_() for each in tensors(edges, num_sources, num_targets)]
    out = edge_attention(*given, incidence.entries)
    exact = edge_attention(*(each.float() for each in given), incidence.entries)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, exact.bfloat16())
    assert {each.dtype for each in torch.autograd.grad(out.sum(), given)} == {torch.bfloat16}
