from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Nodes

from anemoi_plugin_ensemble.objective import Ensemble

NODES = Nodes(torch.tensor([90.0, 89.9, 0.0, -90.0]), torch.zeros(4, dtype=torch.float64))
"""The first two are 11 km apart, all others far from each other."""


class Model:
    """Keeps the conditions that it is given."""

    def __init__(self, objective):
        self.objective, self.network = objective, SimpleNamespace(condition_nodes=NODES)
        self.conditions = []

    def condition_shape(self, batch, members):
        nodes = (len(NODES),) if self.objective.condition_on_nodes else ()
        return (batch, members, *nodes, self.objective.condition_channels)

    def __call__(self, inputs, condition):
        self.conditions.append(condition)
        return {name: each[:, -1:] for name, each in inputs.items()}


def condition(seed=0, batch=1, members=3, **options):
    objective = Ensemble(**options)
    model = Model(objective)
    inputs = {"data": torch.zeros(batch, 2, members, 5, 1)}
    objective.advance(model, inputs, torch.Generator().manual_seed(seed))
    return model.conditions[0]


@pytest.mark.parametrize("options", [{}, {"noise": "nodes"}, {"noise": "nodes", "spectrum": "800km"}])
def test_each_member_of_each_sample_has_numbers_of_its_own(options):
    given = condition(batch=2, noise_channels=3, **options)
    assert given.shape == (2, 3, *(() if not options else (4,)), 3)
    assert given.unique().numel() == given.numel()
    assert torch.equal(given, condition(batch=2, noise_channels=3, **options))
    assert not torch.equal(given, condition(1, batch=2, noise_channels=3, **options))


def test_white_noise_is_independent_from_node_to_node_and_smooth_noise_is_not():
    white = condition(noise="nodes", members=1, noise_channels=4000)[0, 0]
    smooth = condition(noise="nodes", members=1, noise_channels=4000, spectrum="800km")[0, 0]
    for given, alike in ((white, 0.0), (smooth, 1.0)):
        expected = torch.eye(4)
        expected[0, 1] = expected[1, 0] = alike
        np.testing.assert_allclose(np.corrcoef(given), expected, atol=0.08)
        assert given.var().item() == pytest.approx(1.0, abs=0.05)


def test_a_member_keeps_its_channels_apart_from_those_of_others():
    given = condition(noise="nodes", members=2, noise_channels=2000, spectrum="800km")[0]
    first, second = given.flatten(1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.08


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"members": 1}, "members: 1 is trained at a time"),
        ({"spectrum": "500km"}, "that of noise on nodes"),
        ({"noise": "nodes", "spectrum": "blue"}, "'blue' is none"),
        ({"noise": "nodes", "spectrum": "0km"}, "length scale"),
        ({"noise": "nodes", "spectrum": [1.0, -1.0]}, "no power spectrum"),
    ],
)
def test_what_does_not_go_together_is_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        Ensemble(**options)
