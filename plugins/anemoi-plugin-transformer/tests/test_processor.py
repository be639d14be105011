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


def test_what_it_cannot_honour_is_refused():
    nodes = random_nodes(10)
    with pytest.raises(ConfigError, match="16 channels cannot be shared by 3 heads"):
        make(nodes, num_heads=3)
    with pytest.raises(ConfigError, match="condition"):
        make(nodes)(torch.randn(1, 10, 16), torch.randn(1, 4))
