import zlib

import pytest
import torch
from anemoi.core.graph import Edges, Nodes
from torch import nn
from torch.func import functional_call

from anemoi_plugin_testing.recording import Recording, errors, numbers, results, weights


class Layer(nn.Module):
    def __init__(self, *, nodes, edges, width=3, factor=1.0):
        super().__init__()
        self.linear, self.factor = nn.Linear(4, width), factor
        self.length = edges.attributes.sum() + len(nodes)

    def forward(self, x, condition):
        return self.linear(x).tanh() * self.factor * condition + self.length


NODES = Nodes(
    torch.tensor([1.0, 2.0]).double(), torch.zeros(2).double(), {"area": torch.tensor([0.5, 1.5]).double()}
)
EDGES = Edges(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([[1.0], [2.0]]), ("length",))


@pytest.fixture
def recording():
    arguments = {"nodes": NODES, "edges": EDGES, "width": 5}
    layer = Layer(**arguments).double()
    inputs = {"x": numbers("x", (2, 2, 4)), "condition": numbers("condition", (2, 1, 1))}
    found = results(lambda w, given: functional_call(layer, w, (), given), weights(layer), inputs)
    return Recording(arguments, inputs, found)


def splitmix64(state):
    """As its authors write it, in whole numbers."""
    mask = 2**64 - 1
    z = state * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def test_numbers_follow_from_the_name_alone():
    first = zlib.crc32(b"a") << 32
    uniform = [(splitmix64(first + i) >> 11) / 2**53 for i in (1, 2, 3)]
    assert numbers("a", (3,)).tolist() == pytest.approx([u - 0.5 for u in uniform], abs=1e-15)
    many = numbers("a", (1000, 12))
    assert abs(many.mean()) < 0.01
    assert abs(many.var() * 12 - 1) < 0.02
    assert not torch.equal(numbers("b", (3,)), numbers("a", (3,)))


def test_gradients_are_those_of_finite_differences():
    layer = Layer(nodes=NODES, edges=EDGES).double()
    inputs = {"x": numbers("x", (1, 2, 4)), "condition": numbers("condition", (1, 1, 1))}

    def value(step):
        moved = {**weights(layer)}
        moved["linear.bias"] = moved["linear.bias"] + torch.tensor([step, 0.0, 0.0])
        out = functional_call(layer, moved, (), inputs)
        return (out * numbers("weight of the output", tuple(out.shape))).sum()

    found = results(lambda w, given: functional_call(layer, w, (), given), weights(layer), inputs)
    slope = (value(1e-5) - value(-1e-5)) / 2e-5
    torch.testing.assert_close(found["gradient.linear.bias"][0], slope, rtol=1e-6, atol=0.0)
    assert found["gradient.input.x"].shape == (1, 2, 4)


def test_what_is_saved_is_read_back(recording, tmp_path):
    recording.save(tmp_path / "layer.npz")
    read = Recording.load(tmp_path / "layer.npz")
    assert read.arguments["width"] == 5
    assert read.arguments["edges"].attribute_names == ("length",)
    assert torch.equal(read.arguments["edges"].source, EDGES.source)
    assert torch.equal(read.arguments["nodes"].longitudes, NODES.longitudes)
    assert torch.equal(read.arguments["nodes"].attributes["area"], NODES.attributes["area"])
    assert max(read.errors(Layer, torch.float64).values()) < 1e-15
    assert 0 < max(read.errors(Layer, torch.float32).values()) < 1e-5


def test_another_layer_is_found_out(recording):
    off = recording.errors(lambda **options: Layer(factor=1.001, **options), torch.float64)
    assert off["gradient.linear.weight"] == pytest.approx(1e-3, rel=1e-6)


def test_rounding_in_what_is_all_but_zero_is_no_error():
    theirs = {"output": torch.ones(1), "large": torch.ones(1), "cancels": torch.tensor([1e-17])}
    ours = {**theirs, "cancels": torch.tensor([-3e-17])}
    assert max(errors(ours, theirs).values()) < 1e-10
