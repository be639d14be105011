import pytest
import torch

from anemoi_plugin_ensemble.objective import Ensemble


class Network:
    """Keeps what it is given."""

    def __init__(self):
        self.conditions = []

    def __call__(self, inputs, condition):
        self.conditions.append(condition)
        return {name: each[:, -1:] for name, each in inputs.items()}


def condition(seed=0, batch=1, members=3, **options):
    network = Network()
    inputs = {"data": torch.zeros(batch, 2, members, 5, 1)}
    Ensemble(**options).advance(network, inputs, torch.Generator().manual_seed(seed))
    return network.conditions[0]


def test_each_member_of_each_sample_has_numbers_of_its_own():
    given = condition(batch=2, noise_channels=4)
    assert given.shape == (2, 3, 4)
    assert given.unique().numel() == 24


def test_numbers_follow_from_the_generator():
    assert torch.equal(condition(1), condition(1))
    assert not torch.equal(condition(1), condition(2))


@pytest.mark.parametrize("options", [{"noise_channels": 7}, {}])
def test_the_network_is_told_how_many_there_are(options):
    assert condition(**options).shape[-1] == Ensemble(**options).condition_channels
