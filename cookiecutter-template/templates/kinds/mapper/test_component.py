import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Nodes

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}


def points(count):
    return Nodes(torch.zeros(count, dtype=torch.float64), torch.arange(count, dtype=torch.float64))


def mapper(source, target, **options):
    """A mapper from three nodes to two, along edges from ``source`` to ``target``."""
    torch.manual_seed(0)
    edges = Edges(torch.tensor(source), torch.tensor(target), torch.ones(len(source), 1), ("length",))
    return {{ cookiecutter.__class }}(
        source=points(3),
        target=points(2),
        edges=edges,
        source_channels=5,
        target_channels=4,
        channels=8,
        out_channels=6,
        **options,
    )


def test_a_target_hears_the_sources_of_its_edges_alone():
    layer = mapper([0, 1, 2], [0, 0, 1])
    source, target = torch.randn(1, 3, 5), torch.randn(1, 2, 4)
    changed = source.clone()
    changed[:, 2] += 1.0
    moved = (layer(changed, target) - layer(source, target)).abs().amax(dim=(0, 2)) > 0
    assert moved.tolist() == [False, True]


def test_what_arrives_is_a_mean():
    once, twice = mapper([0], [0]), mapper([0, 1], [0, 0])
    source, target = torch.randn(1, 3, 5), torch.randn(1, 2, 4)
    source[:, 1] = source[:, 0]
    torch.testing.assert_close(once(source, target), twice(source, target))


def test_an_mlp_without_width_is_refused():
    with pytest.raises(ConfigError, match="mlp_hidden_ratio"):
        mapper([0], [0], mlp_hidden_ratio=0.0)
