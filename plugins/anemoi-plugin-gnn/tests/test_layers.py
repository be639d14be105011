"""The layers against the same mathematics written out one edge and one node at a time."""

import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from anemoi_plugin_layers import blocks
from torch.nn import functional as F

from anemoi_plugin_gnn.mapper import GNNMapper
from anemoi_plugin_gnn.mlp import MLPOptions
from anemoi_plugin_gnn.nodes import NodeMLP
from anemoi_plugin_gnn.processor import GNNProcessor

CHANNELS = 8
OPTIONS = [
    {},
    {"mlp_implementation": "swiglu", "mlp_extra_layers": 1, "trainable_size": 2},
    {"activation": "tanh", "normalisation": "rms_norm", "mlp_hidden_ratio": 1.5},
    {"normalisation": "none", "condition_channels": 3},
    {"condition_channels": 3, "edge_attributes": ["b"]},
    {"mlp_hidden_layers": 1, "activation": "silu"},
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of five edges for one item of the batch, so that there are many of them."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5 * 8 * CHANNELS)


def points(count):
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def ragged(num_source, num_target, num_edges):
    """Uneven degrees; the last target and the last source have no edges."""
    hub = torch.zeros(num_edges // 2, dtype=torch.int64)
    target = torch.cat([hub, torch.randint(max(1, num_target - 1), (num_edges - len(hub),))])
    source = torch.randint(max(1, num_source - 1), (num_edges,))
    return Edges.sorted(source, target, torch.randn(num_edges, 2), ("a", "b"))


def components():
    """Two rings that do not touch, each node hearing one neighbour more than the one before."""
    pairs = [(base + (i + k) % 4, base + i) for base in (0, 4) for i in range(4) for k in range(1, i + 1)]
    source, target = torch.tensor(pairs).T
    return Edges.sorted(source, target, torch.randn(len(pairs), 2), ("a", "b"))


GRAPHS = {
    "ragged": lambda: (9, ragged(9, 9, 40)),
    "components": lambda: (8, components()),
    "no edges": lambda: (4, ragged(4, 4, 0)),
    "one node": lambda: (1, ragged(1, 1, 1)),
}


def perturbed(layer):
    """In float64, and with no weight left at zero or one."""
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


def mlp(module, x, condition=None):
    """A whole MLP, of what has been put together."""
    for layer in module.hidden:
        x = layer(x)
    return module.norm(module.out(x), condition)


def pass_messages(layer, target, source, edges, index, condition):
    conv = layer.conv
    if conv.embed is not None:
        edges = mlp(conv.embed, edges).expand(len(target), -1, -1)
    new, summed = edges.clone(), torch.zeros_like(target)
    for number, (i, j) in enumerate(zip(index.target.tolist(), index.source.tolist(), strict=True)):
        together = torch.cat([target[:, i], source[:, j], edges[:, number]], dim=-1)
        new[:, number] = edges[:, number] + mlp(conv.mlp, together[:, None], condition)[:, 0]
        summed[:, i] = summed[:, i] + new[:, number]
    return target + mlp(layer.node_mlp, torch.cat([target, summed], dim=-1), condition), new


def processor_reference(processor, index, x, condition):
    edges = processor.trainable(processor.edge_features)[None]
    for layer in processor.layers:
        x, edges = pass_messages(layer, x, x, edges, index, condition)
    return x


def mapper_reference(mapper, index, source, target, condition):
    source, target = mlp(mapper.embed_source, source), mlp(mapper.embed_target, target)
    if not isinstance(mapper.update_target, torch.nn.Identity):
        target = target + mlp(mapper.update_target, target)
    edges = mapper.trainable(mapper.edge_features)[None]
    target, _ = pass_messages(mapper.layer, target, source, edges, index, condition)
    return mlp(mapper.embed_out, target)


def make_processor(nodes, edges, **options):
    torch.manual_seed(0)
    options = {"num_layers": 3, **options}
    return perturbed(GNNProcessor(nodes=points(nodes), edges=edges, channels=CHANNELS, **options))


def make_mapper(edges, sources=9, targets=7, **options):
    torch.manual_seed(0)
    return perturbed(
        GNNMapper(
            source=points(sources),
            target=points(targets),
            edges=edges,
            source_channels=4,
            target_channels=5,
            channels=CHANNELS,
            out_channels=3,
            **options,
        )
    )


def condition_of(options, batch):
    return torch.randn(batch, 3).double().requires_grad_() if options.get("condition_channels") else None


def assert_same(layer, inputs, ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    leaves = [each for each in (*inputs, *layer.parameters()) if each is not None]
    weight = torch.randn_like(theirs)
    gradients = torch.autograd.grad((ours * weight).sum(), leaves, retain_graph=True)
    again = torch.autograd.grad((ours * weight).sum(), leaves)
    expected = torch.autograd.grad((theirs * weight).sum(), leaves, materialize_grads=True)
    for gradient, other, reference in zip(gradients, again, expected, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-9, atol=1e-11)
        assert torch.equal(gradient, other)


@pytest.mark.parametrize("backend", ["blocks", "torch"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_processor_equals_messages_one_at_a_time(options, backend):
    nodes, edges = GRAPHS["ragged"]()
    processor = make_processor(nodes, edges, backend=backend, **options)
    x, condition = torch.randn(2, nodes, CHANNELS).double().requires_grad_(), condition_of(options, 2)
    expected = processor_reference(processor, edges, x, condition)
    assert_same(processor, (x, condition), processor(x, condition), expected)
    for training in (True, False):  # In the second, what is static comes from memory.
        with torch.no_grad():
            out = processor.train(training)(x, condition)
        torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", ["blocks", "torch"])
@pytest.mark.parametrize("options", [*OPTIONS, {"update_target": True}], ids=str)
def test_mapper_equals_messages_one_at_a_time(options, backend):
    edges = ragged(9, 7, 30)
    mapper = make_mapper(edges, backend=backend, **options)
    source = torch.randn(2, 9, 4).double().requires_grad_()
    target = torch.randn(2, 7, 5).double().requires_grad_()
    condition = condition_of(options, 2)
    expected = mapper_reference(mapper, edges, source, target, condition)
    ours = mapper(source, target, condition)
    assert_same(mapper, (source, target, condition), ours, expected)
    with torch.no_grad():
        torch.testing.assert_close(mapper.eval()(source, target, condition), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("batch", [1, 3])
def test_any_graph_will_do(graph, batch):
    nodes, edges = GRAPHS[graph]()
    processor = make_processor(nodes, edges, num_layers=2, backend="blocks")
    x = torch.randn(batch, nodes, CHANNELS).double().requires_grad_()
    assert_same(processor, (x,), processor(x), processor_reference(processor, edges, x, None))
    processor.requires_grad_(False)  # Gradients of what comes in alone, as for a sensitivity.
    (gradient,) = torch.autograd.grad(processor(x).sum(), x)
    (expected,) = torch.autograd.grad(processor_reference(processor, edges, x, None).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("num_chunks", [1, 2, 4])
def test_checkpointing_changes_nothing(num_chunks):
    nodes, edges = GRAPHS["ragged"]()
    x = torch.randn(2, nodes, CHANNELS).double().requires_grad_()
    found = []
    for gradient_checkpointing in (False, True):
        options = {"gradient_checkpointing": gradient_checkpointing, "num_chunks": num_chunks}
        processor = make_processor(nodes, edges, num_layers=4, **options)
        out = processor(x)
        found.append([out, *torch.autograd.grad(out.square().sum(), [x, *processor.parameters()])])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("part", ["mapper", "processor"])
def test_what_is_static_is_made_once_and_again_when_a_weight_changes(part):
    """Of a mapper, and of the first layer of a processor."""
    edges = ragged(9, 9, 30)
    if part == "mapper":
        layer = make_mapper(edges, 9, 9).eval()
        conv, reference = layer.layer.conv, mapper_reference
        inputs = torch.randn(1, 9, 4).double(), torch.randn(1, 9, 5).double()
    else:
        layer = make_processor(9, edges).eval()
        conv, reference = layer.layers[0].conv, processor_reference
        inputs = (torch.randn(1, 9, CHANNELS).double(),)
    times = []
    conv.embed.register_forward_hook(lambda *_: times.append(1))

    def embeddings():
        """How often edges were embedded for one call, whose result is right."""
        times.clear()
        with torch.no_grad():
            out = layer(*inputs)
            seen = len(times)
            expected = reference(layer, edges, *inputs, None)
        torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)
        return seen

    assert embeddings() > 0
    assert embeddings() == 0
    conv.embed.out.weight.data.mul_(1.5)  # unseen by torch's count of versions
    assert embeddings() > 0
    layer.edge_features.add_(1)
    assert embeddings() > 0
    assert embeddings() == 0
    layer.train().eval()
    assert embeddings() > 0


def test_blocks_make_nothing_of_the_size_of_all_edges_but_the_edges(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**16)
    edges = ragged(50, 40, 20_000)
    mapper = make_mapper(edges, 50, 40, backend="blocks").float()
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and not function._schema.returns[0].alias_info:
                largest = max(largest, out.numel())
            return out

    with Watch():
        out = mapper(torch.randn(1, 50, 4), torch.randn(1, 40, 5))
    assert 0 < largest < 20_000 * CHANNELS / 4
    assert out.requires_grad


def test_mlps_of_nodes_keep_what_their_linear_layers_give_alone():
    options = MLPOptions(hidden_layers=2, implementation="mlp", activation=None, normalisation="layer_norm")
    mlp = NodeMLP(2 * CHANNELS, CHANNELS, CHANNELS, options, residual=True, backend="blocks")
    states = [torch.randn(1, 1000, CHANNELS, requires_grad=True) for _ in range(2)]
    kept = {}

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mlp(states[0], beside=states[1])
    for given in (*states, *mlp.parameters()):
        kept.pop(given.data_ptr(), None)
    assert sum(kept.values()) == 3 * 1000 * CHANNELS


def test_mlps_of_nodes_go_back_with_weights_of_another_precision():
    options = MLPOptions(hidden_layers=2, implementation="mlp", activation=None, normalisation="layer_norm")
    mlp = NodeMLP(CHANNELS, CHANNELS, CHANNELS, options, backend="blocks")
    used = {name: each.detach().double().requires_grad_() for name, each in mlp.named_parameters()}
    x = torch.randn(1, 23, CHANNELS).double().requires_grad_()
    free = [x, *used.values()]
    ours = torch.autograd.grad(torch.func.functional_call(mlp, used, (x,)).square().sum(), free)
    mlp.backend = "torch"
    theirs = torch.autograd.grad(torch.func.functional_call(mlp, used, (x,)).square().sum(), free)
    for gradient, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-10, atol=1e-12)


def test_what_it_cannot_honour_is_refused():
    nodes, edges = GRAPHS["ragged"]()
    with pytest.raises(ConfigError, match="takes no activation"):
        make_processor(nodes, edges, mlp_implementation="glu", activation="relu")
    with pytest.raises(ConfigError, match="chunks of the same length"):
        make_processor(nodes, edges, num_layers=3, num_chunks=2)
    with pytest.raises(ConfigError, match="no attribute 'c'"):
        make_processor(nodes, edges, edge_attributes=["c"])
    with pytest.raises(ConfigError, match="built for 0 conditions, but was given 2"):
        make_processor(nodes, edges)(torch.zeros(1, nodes, CHANNELS).double(), torch.zeros(1, 2).double())
    with pytest.raises(ConfigError, match=r"built for 2 conditions, but was given 0"):
        make_mapper(ragged(9, 7, 30), condition_channels=2)(torch.zeros(1, 9, 4), torch.zeros(1, 7, 5))
    with pytest.raises(ConfigError, match="embed_source=false, 4 features cannot become 8"):
        make_mapper(ragged(9, 7, 30), embed_source=False)


def test_what_is_compiled_around_blocks_gives_the_same():
    nodes, edges = GRAPHS["ragged"]()
    processor = make_processor(nodes, edges, num_layers=2, backend="blocks")
    x = torch.randn(1, nodes, CHANNELS).double()
    assert torch.equal(torch.compile(processor, backend="eager")(x), processor(x))


def test_autocast_gives_gradients_of_float32_weights():
    nodes, edges = GRAPHS["ragged"]()
    processor = make_processor(nodes, edges, backend="blocks").float()
    x = torch.randn(2, nodes, CHANNELS, requires_grad=True)
    exact = torch.autograd.grad(processor(x).square().sum(), [x, *processor.parameters()])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            processor(x)
        out = processor(x)
    rounded = torch.autograd.grad(out.float().square().sum(), [x, *processor.parameters()])
    for one, other in zip(rounded, exact, strict=True):
        assert one.dtype == torch.float32
        assert F.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99
