import numpy as np
import pytest
import torch
from torch import nn

from anemoi_plugin_training.optimiser import optimisers, warmup_cosine
from anemoi_plugin_training.settings import TrainingSettings


def network(hidden=32):
    """An embedding of three features, a layer between latent states, a stack of kernels, one output."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, hidden), nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, 1))
    model.register_parameter("stack", nn.Parameter(torch.randn(2, hidden, hidden)))
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape)
    return model


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_each_parameter_is_trained_once_and_decays_if_it_is_a_matrix(name):
    model = network()
    frozen = model[0].bias.requires_grad_(False)
    settings = TrainingSettings(optimiser=name, weight_decay=0.3, learning_rate=0.1)
    groups = [group for optimiser in optimisers(model, settings) for group in optimiser.param_groups]
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(decay)
    trained = [parameter for parameter in model.parameters() if parameter is not frozen]
    assert decay == {id(parameter): 0.3 * (parameter.ndim > 1) for parameter in trained}
    assert {group["lr"] for group in groups} == {0.1}


def test_muon_trains_what_lies_between_latent_states_with_orthogonal_updates():
    model = network()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for optimiser in optimisers(model, TrainingSettings(optimiser="muon", learning_rate=0.1, weight_decay=0)):
        optimiser.step()
    update = {name: before[name] - parameter.detach() for name, parameter in model.named_parameters()}
    # The gradient is U S V; the update is U V to within the tolerance that Muon allows itself, in the
    # size that an update of AdamW is said to have: 0.2 times the learning rate, root mean square.
    left, _, right = torch.linalg.svd(model[1].weight.grad, full_matrices=False)
    along = torch.diag(left.T @ update["1.weight"] @ right.T) / (0.1 * 0.2 * 64**0.5)
    assert ((along > 0.5) & (along < 1.5)).all()
    # All else by AdamW, whose first step is the learning rate along the sign of the gradient.
    for name, parameter in model.named_parameters():
        if name != "1.weight":
            torch.testing.assert_close(update[name], 0.1 * parameter.grad.sign(), rtol=1e-3, atol=1e-6)


def test_adamw_trains_everything_if_asked():
    model = network()
    (only,) = optimisers(model, TrainingSettings(optimiser="adamw"))
    assert isinstance(only, torch.optim.AdamW)


def test_a_model_without_wide_matrices_needs_no_muon():
    (only,) = optimisers(nn.Linear(3, 2), TrainingSettings(optimiser="muon"))
    assert isinstance(only, torch.optim.AdamW)


def test_the_learning_rate_warms_up_and_falls_along_a_cosine():
    settings = TrainingSettings(optimiser="muon", steps=110, warmup_steps=10, learning_rate=0.5)
    for optimiser in optimisers(network(), settings):
        schedule = warmup_cosine(optimiser, settings)
        rates = []
        for _ in range(110):
            rates.append(schedule.get_last_lr()[0])
            optimiser.step()
            schedule.step()
        expected = [0.05 * (i + 1) for i in range(10)] + [
            0.25 * (1 + np.cos(np.pi * i / 100)) for i in range(100)
        ]
        np.testing.assert_allclose(rates, expected, rtol=1e-6)
