import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes
from scipy.spatial.transform import Rotation

from anemoi_plugin_transformer.processor import TransformerProcessor
from anemoi_plugin_transformer.rotary import SphericalRotary


def random_nodes(count, seed=0):
    rng = np.random.default_rng(seed)
    latitudes = np.rad2deg(np.arcsin(rng.uniform(-1, 1, count)))
    return Nodes(torch.from_numpy(latitudes), torch.from_numpy(rng.uniform(0, 360, count)))


def no_edges():
    nothing = torch.zeros(0, dtype=torch.int64)
    return Edges(nothing, nothing, torch.zeros(0, 0))


def make(nodes, **options):
    torch.manual_seed(0)
    options = {"num_layers": 2, "num_heads": 2, "window_size": 9, **options}
    return TransformerProcessor(nodes=nodes, edges=no_edges(), channels=16, **options)


def test_the_names_of_nodes_do_not_matter():
    nodes, shuffle = random_nodes(60), torch.randperm(60, generator=torch.Generator().manual_seed(1))
    x = torch.randn(2, 60, 16)
    straight = make(nodes)(x)
    shuffled = make(Nodes(nodes.latitudes[shuffle], nodes.longitudes[shuffle]))(x[:, shuffle])
    torch.testing.assert_close(shuffled, straight[:, shuffle])


def test_a_node_sees_its_window_from_south_to_north_and_nothing_else():
    nodes = random_nodes(60)
    processor = make(nodes, num_layers=1)
    x = torch.randn(1, 60, 16, requires_grad=True)
    rank = torch.argsort(torch.argsort(nodes.latitudes))
    processor(x)[0, 17].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(-1) > 0
    assert torch.equal(seen, (rank - rank[17]).abs() <= 9)


def test_weights_do_not_depend_on_the_number_of_nodes():
    small, large = make(random_nodes(10)), make(random_nodes(500))
    assert {k: v.shape for k, v in small.state_dict().items()} == {
        k: v.shape for k, v in large.state_dict().items()
    }
    large.load_state_dict(small.state_dict())


def test_with_rotary_embedding_scores_depend_on_where_nodes_lie_from_each_other():
    nodes = random_nodes(30)
    rotary = SphericalRotary(positions=nodes.positions, heads=2, head_channels=8)
    query, key = torch.randn(2, 1, 2, 1, 8).expand(2, 1, 2, 30, 8).unbind()
    scores = rotary(query) @ rotary(key).transpose(-1, -2)  # (1, heads, 30, 30)
    # Independently: as complex numbers, a score is the real part of the sum of q conj(k) exp(i w.(x - y)).
    q, k = (torch.complex(part[0, :, 0, :4], part[0, :, 0, 4:]) for part in (query, key))
    angle = torch.atan2(rotary.sin, rotary.cos)  # (heads, 30, 4)
    apart = angle[:, :, None] - angle[:, None, :]
    expected = ((q * k.conj())[:, None, None] * torch.exp(1j * apart)).real.sum(-1)
    torch.testing.assert_close(scores[0], expected, rtol=1e-4, atol=1e-4)
    # Without it they would not depend on the place at all; with it, turning the sphere does change them.
    turned = torch.from_numpy(Rotation.random(random_state=0).apply(nodes.positions.numpy()))
    other = SphericalRotary(positions=turned, heads=2, head_channels=8)
    assert not torch.allclose(other(query) @ other(key).transpose(-1, -2), scores, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "16 channels cannot be shared by 3 heads"),
        ({"num_heads": 16}, "each head has 1"),
        ({"num_layers": 3, "num_chunks": 2}, "3 layers cannot be cut into 2 chunks"),
        ({"mlp_implementation": "glu", "activation": "relu"}, "takes no activation"),
        ({"backend": "flex", "dropout_p": 0.1}, "FlexAttention cannot drop"),
    ],
)
def test_what_it_cannot_honour_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(random_nodes(10), **options)


def test_what_it_cannot_honour_here_is_refused():
    x = torch.randn(1, 10, 16)
    with pytest.raises(ConfigError, match="built for 0 conditions, but was given 4"):
        make(random_nodes(10))(x, torch.randn(1, 4))
    with pytest.raises(ConfigError, match="built for 4 conditions, but was given 0"):
        make(random_nodes(10), condition_channels=4)(x)
    with pytest.raises(ConfigError, match="needs a GPU, but the model is on cpu"):
        make(random_nodes(10), backend="flex")(x)


def test_an_odd_number_of_channels_a_head_is_fine_without_rotary_embedding():
    out = make(random_nodes(10), num_heads=2, attn_channels=6, rotary=False)(torch.randn(1, 10, 16))
    assert out.shape == (1, 10, 16)


ALL = {"attn_channels": 24, "qk_norm": True, "softcap": 0.2, "mlp_extra_layers": 1, "condition_channels": 3}


def test_every_option_matters():
    x, condition = torch.randn(1, 30, 16), torch.randn(1, 3)

    def out(**options):
        processor = make(random_nodes(30), **{**ALL, **options})
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in processor.parameters():
                parameter.copy_(torch.randn(parameter.shape) / parameter.shape[-1] ** 0.5)
        torch.manual_seed(2)
        given = () if options.get("condition_channels") == 0 else (condition,)
        return processor(x, *given)

    base = out()
    assert torch.equal(out(), base)
    changes = [
        {"attn_channels": None},
        {"dropout_p": 0.5},
        {"mlp_extra_layers": 0},
        {"mlp_hidden_ratio": 2.0},
        {"mlp_implementation": "swiglu"},
        {"activation": "relu"},
        {"node_order": "given"},
        {"normalisation": "rms_norm"},
        {"num_layers": 1},
        {"qk_norm": False},
        {"qkv_bias": False},
        {"rotary": False},
        {"softcap": None},
        {"window_size": 3},
        {"condition_channels": 0},
    ]
    for change in changes:
        assert not torch.allclose(out(**change), base, atol=1e-3), change


@pytest.mark.parametrize("options", [{}, {**ALL, "condition_channels": 0}, {"dropout_p": 0.3}])
def test_checkpointing_changes_no_number(options):
    gradients = []
    for checkpointing in (False, True):
        processor = make(
            random_nodes(40), num_layers=4, num_chunks=2, gradient_checkpointing=checkpointing, **options
        )
        torch.manual_seed(3)
        processor(torch.randn(1, 40, 16)).square().sum().backward()
        gradients.append([parameter.grad for parameter in processor.parameters()])
    assert all(map(torch.equal, *gradients))


def test_all_options_run_under_autocast():
    processor = make(random_nodes(30), **ALL)
    x, condition = torch.randn(1, 30, 16), torch.randn(1, 3)
    exact = processor(x, condition)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = processor(x, condition)
    rounded.float().sum().backward()
    torch.testing.assert_close(rounded.float(), exact, rtol=0.1, atol=0.1)
