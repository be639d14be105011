"""The building blocks against formulas written out."""

import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges
from torch import nn

from anemoi_plugin_layers import (
    MLP,
    FeedForward,
    Norm,
    TrainableFeatures,
    add_mlp,
    check_chunks,
    check_condition,
    edge_features,
    head_channels,
    hidden_channels,
    join_heads,
    run_in_chunks,
    split_heads,
)

GATES = {
    "glu": torch.sigmoid,
    "swiglu": lambda x: x * torch.sigmoid(x),
    "geglu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "reglu": lambda x: x.clamp_min(0),
}


@pytest.fixture
def x():
    return torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("implementation", GATES)
def test_a_gate_multiplies_one_half_by_a_function_of_the_other(x, implementation):
    layer = FeedForward(4, 3, implementation=implementation).double()
    weight, bias = layer.linear.weight, layer.linear.bias
    gate, value = x @ weight[:3].T + bias[:3], x @ weight[3:].T + bias[3:]
    torch.testing.assert_close(layer(x), GATES[implementation](gate) * value)


def test_a_gate_takes_no_activation():
    with pytest.raises(ConfigError, match="takes no activation"):
        FeedForward(4, 3, implementation="swiglu", activation="gelu")


def test_an_mlp_is_its_layers_in_a_row(x):
    mlp = MLP(4, 6, 3, extra_layers=2, activation="tanh").double()
    expected = x
    for layer in mlp.hidden:
        expected = torch.tanh(expected @ layer.linear.weight.T + layer.linear.bias)
    torch.testing.assert_close(mlp(x), expected @ mlp.out.weight.T + mlp.out.bias)
    assert len(mlp.hidden) == 3


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: MLP(4, 6, 3, extra_layers=-1), "-1 extra layers"),
        (lambda: hidden_channels(8, 0.0), r"0\.0 times 8"),
        (lambda: hidden_channels(8, float("nan")), "nan times 8"),
        (lambda: head_channels(10, 4), "10 channels cannot be shared by 4"),
        (lambda: check_chunks(5, 2), "5 layers cannot be cut into 2"),
    ],
)
def test_what_cannot_be_is_refused(build, says):
    with pytest.raises(ConfigError, match=says):
        build()


def test_a_hidden_width_is_rounded_half_up():
    assert [hidden_channels(5, ratio) for ratio in (0.5, 1.0, 2.5)] == [3, 5, 13]


@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm", "none"])
def test_a_condition_scales_and_shifts_what_is_normalised(x, kind):
    norm = Norm(4, kind, condition_channels=3).double()
    condition = torch.randn(2, 3, dtype=torch.float64)
    plain = {
        "layer_norm": (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt(),
        "rms_norm": x / (x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps).sqrt(),
        "none": x,
    }[kind]
    torch.testing.assert_close(norm(x, condition), plain)
    nn.init.normal_(norm.modulation.weight)
    scale, shift = norm.modulation(condition).chunk(2, dim=-1)
    torch.testing.assert_close(norm(x, condition), plain * (1 + scale[:, None]) + shift[:, None])


@pytest.mark.parametrize(("built", "given"), [(0, 2), (2, None), (2, 3)])
def test_a_condition_that_the_layer_was_not_built_for_is_refused(x, built, given):
    condition = None if given is None else torch.zeros(2, given)
    with pytest.raises(ConfigError, match=f"built for {built} conditions"):
        Norm(4, condition_channels=built)(x.float(), condition)


def test_a_condition_on_nodes_scales_and_shifts_each_by_itself(x):
    norm, mlp = Norm(4, condition_channels=3).double(), MLP(4, 8, 4).double()
    nn.init.normal_(norm.modulation.weight)
    condition = torch.randn(2, x.shape[1], 3, dtype=torch.float64)
    whole = add_mlp(x, norm, mlp, condition)
    for node in range(x.shape[1]):
        alone = add_mlp(x[:, node, None], norm, mlp, condition[:, node])
        torch.testing.assert_close(whole[:, node, None], alone)


@pytest.mark.parametrize("nodes", [None, 7])
def test_a_condition_on_other_nodes_is_refused(nodes):
    with pytest.raises(ConfigError, match=r"\(2, 5, 3\), but takes one for each item of the batch"):
        check_condition(torch.zeros(2, 5, 3), 3, nodes=nodes)
    check_condition(torch.zeros(2, 5, 3), 3, nodes=5)


def test_a_norm_keeps_the_type_that_comes_in(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Norm(4)(x.bfloat16()).dtype == torch.bfloat16


def test_trainable_features_stand_beside_the_known_ones(x):
    features = TrainableFeatures(5, 2)
    nn.init.normal_(features.trainable)
    together = features(x)
    torch.testing.assert_close(together[..., :4], x)
    torch.testing.assert_close(together[1, :, 4:], features.trainable.double())
    assert TrainableFeatures(5, 0)(x) is x
    assert not list(TrainableFeatures(5, 0).parameters())


def test_heads_share_channels_in_blocks(x):
    split = split_heads(x, 2)
    torch.testing.assert_close(split[1, 1, 3], x[1, 3, 2:])
    torch.testing.assert_close(join_heads(split), x)


def test_edge_features_are_chosen_by_name():
    edges = Edges(
        torch.tensor([0, 1]), torch.tensor([0, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), ("a", "b")
    )
    assert edge_features(edges, ["b"]).tolist() == [[2.0], [4.0]]
    assert edge_features(edges, ["b", "a"]).tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert edge_features(edges) is edges.attributes
    with pytest.raises(ConfigError, match=r"no attribute 'c'(?s:.)*a, b"):
        edge_features(edges, ["c"])


class _Twice(nn.Module):
    calls = 0

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4).double()

    def forward(self, x, y, shift):
        _Twice.calls += 1
        return torch.tanh(self.linear(x)) + shift, y * x


@pytest.mark.parametrize("num_chunks", [1, 2, 4])
def test_chunks_change_what_is_kept_and_not_the_numbers(x, num_chunks):
    layers = nn.ModuleList(_Twice() for _ in range(4))

    def gradients(gradient_checkpointing):
        layers.zero_grad()
        _Twice.calls = 0
        start = x.clone().requires_grad_()
        state = run_in_chunks(
            layers, (start, x), 0.5, num_chunks=num_chunks, gradient_checkpointing=gradient_checkpointing
        )
        sum(part.square().sum() for part in state).backward()
        return [start.grad, *(parameter.grad for parameter in layers.parameters())], _Twice.calls

    kept, calls = gradients(False)
    again, more_calls = gradients(True)
    assert (calls, more_calls) == (4, 8)
    torch.testing.assert_close(again, kept, rtol=0, atol=0)
