import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

NODES = 7


def chain(num_layers):
    """A processor on nodes in a row, each of which hears the one before it.

    In float64, because what is left of a change after some edges is small.
    """
    torch.manual_seed(0)
    nodes = Nodes(torch.zeros(NODES, dtype=torch.float64), torch.arange(NODES, dtype=torch.float64))
    edges = Edges(torch.arange(NODES - 1), torch.arange(1, NODES), torch.ones(NODES - 1, 1), ("length",))
    made = {{ cookiecutter.__class }}(nodes=nodes, edges=edges, channels=4, num_layers=num_layers)
    return made.double()


@pytest.mark.parametrize("num_layers", [1, 2, 4])
def test_a_change_travels_one_edge_in_each_layer(num_layers):
    processor = chain(num_layers)
    x = torch.randn(1, NODES, 4, dtype=torch.float64)
    changed = x.clone()
    changed[:, 0, 0] += 1.0
    moved = (processor(changed) - processor(x)).abs().amax(dim=(0, 2)) > 0
    assert moved.tolist() == [node <= num_layers for node in range(NODES)]


def test_a_node_that_hears_twice_the_same_hears_it_once():
    """What arrives is a mean, so it does not grow with the number of edges."""
    nodes = Nodes(torch.zeros(3, dtype=torch.float64), torch.arange(3, dtype=torch.float64))
    once = Edges(torch.tensor([0]), torch.tensor([2]), torch.ones(1, 1), ("length",))
    twice = Edges(torch.tensor([0, 1]), torch.tensor([2, 2]), torch.ones(2, 1), ("length",))
    one = {{ cookiecutter.__class }}(nodes=nodes, edges=once, channels=4)
    other = {{ cookiecutter.__class }}(nodes=nodes, edges=twice, channels=4)
    other.load_state_dict(one.state_dict())
    x = torch.randn(1, 3, 4)
    x[:, 1] = x[:, 0]
    torch.testing.assert_close(one(x), other(x))


def test_no_layers_are_refused():
    with pytest.raises(ConfigError, match="num_layers"):
        chain(0)
