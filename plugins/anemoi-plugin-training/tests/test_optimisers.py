import numpy as np
import pytest
import torch
from anemoi.core.config import compose, validate
from anemoi.core.errors import ConfigError
from torch import nn, optim

from anemoi_plugin_training.descent import Descent, build_optimiser, build_schedule
from anemoi_plugin_training.optimisers.adamw import AdamW
from anemoi_plugin_training.optimisers.muon import Muon
from anemoi_plugin_training.optimisers.of_torch import TorchOptimiser
from anemoi_plugin_training.schedules.constant import Constant
from anemoi_plugin_training.settings import Settings, TrainingSettings

GIVEN = {"learning_rate": 0.1, "weight_decay": 0.0}


def network(hidden=32):
    """An embedding of three features, a layer between latent states, a stack of kernels, one output."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, hidden), nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, 1))
    model.register_parameter("stack", nn.Parameter(torch.randn(2, hidden, hidden)))
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape)
    return model


def built(optimiser, model):
    return optimiser.build(dict(model.named_parameters()))


@pytest.mark.parametrize("optimiser", [Muon, AdamW, TorchOptimiser])
def test_each_parameter_is_trained_once_and_decays_if_it_is_a_matrix(optimiser):
    model = network()
    frozen = model[0].bias.requires_grad_(False)
    given = optimiser(learning_rate=0.1, weight_decay=0.3)
    descent = Descent(model, given, Constant(steps=5, warmup_steps=0))
    groups = [group for each in descent.optimisers for group in each.param_groups]
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(decay)
    trained = [parameter for parameter in model.parameters() if parameter is not frozen]
    assert decay == {id(parameter): 0.3 * (parameter.ndim > 1) for parameter in trained}
    assert {group["lr"] for group in groups} == {0.1}


def test_muon_trains_what_lies_between_latent_states_with_orthogonal_updates():
    model = network()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for optimiser in built(Muon(**GIVEN), model):
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


def test_a_model_without_wide_matrices_needs_no_muon():
    (only,) = built(Muon(**GIVEN), nn.Linear(3, 2))
    assert isinstance(only, optim.AdamW)


def test_adamw_is_the_formula_of_the_paper():
    weight = nn.Parameter(torch.tensor([[2.0]]))
    (only,) = AdamW(learning_rate=0.1, weight_decay=0.5, betas=(0.8, 0.9), eps=0.01).build({"weight": weight})
    mean = square = 0.0
    x = 2.0
    for step, gradient in enumerate([1.0, -3.0, 0.5], start=1):
        mean, square = 0.8 * mean + 0.2 * gradient, 0.9 * square + 0.1 * gradient**2
        x -= 0.1 * 0.5 * x
        x -= 0.1 * (mean / (1 - 0.8**step)) / (np.sqrt(square / (1 - 0.9**step)) + 0.01)
        weight.grad = torch.tensor([[gradient]])
        only.step()
    assert weight.item() == pytest.approx(x, rel=1e-5)


def test_any_optimiser_of_torch_is_that_of_torch():
    ours, theirs = network(), network()
    given = TorchOptimiser(**GIVEN, optimiser="SGD", options={"momentum": 0.9, "nesterov": True})
    (one,) = built(given, ours)
    other = optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(3):
        one.step()
        other.step()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, its)


TRAINABLE = sorted(
    name
    for name, each in vars(optim).items()
    if isinstance(each, type) and issubclass(each, optim.Optimizer) and each is not optim.Optimizer
    if name not in ("LBFGS", "SparseAdam", "Muon")
)


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_optimiser_of_torch_that_trains_a_model_is_one_here(name):
    model = network()
    before = model[1].weight.detach().clone()
    (only,) = built(TorchOptimiser(**GIVEN, optimiser=name), model)
    only.step()
    assert type(only).__name__ == name
    assert not torch.equal(before, model[1].weight)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimiser": "Adamm"}, "Did you mean 'Adam'"),
        ({"optimiser": "LBFGS"}, "several times in each step"),
        ({"optimiser": "SparseAdam"}, "sparse gradients alone"),
        ({"optimiser": "Muon"}, "optimiser=muon"),
        ({"optimiser": "Optimizer"}, "no optimiser 'Optimizer'"),
        ({"optimiser": "SGD", "options": {"momentun": 0.9}}, "Did you mean 'momentum'"),
        ({"optimiser": "SGD", "options": {"momentum": -1.0}}, "refuses its options"),
        ({"optimiser": "Adam", "options": {"betas": [0.9, 2.0]}}, "refuses its options"),
        ({"optimiser": "SGD", "options": {"lr": 0.1}}, "training.learning_rate"),
        ({"optimiser": "Rprop", "weight_decay": 0.1}, "training.weight_decay=0"),
    ],
)
def test_what_torch_does_not_take_is_refused_before_a_training(options, said):
    with pytest.raises(ConfigError) as refusal:
        TorchOptimiser(**{**GIVEN, **options})
    assert said in f"{refusal.value.what} {refusal.value.fix}"


def settings_of(*words):
    return validate(compose("train", words), Settings)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], Muon),
        (["optimiser=adamw"], AdamW),
        (["optimiser=torch", "optimiser.optimiser=SGD"], TorchOptimiser),
    ],
)
def test_a_configuration_chooses_the_optimiser(words, found):
    words = [*words, "training.learning_rate=0.25", "training.weight_decay=0.5"]
    optimiser = build_optimiser(settings_of(*words))
    assert type(optimiser) is found
    assert (optimiser.learning_rate, optimiser.weight_decay) == (0.25, 0.5)


def test_an_optimiser_named_as_configurations_did_before_is_the_same_and_says_so():
    with pytest.warns(FutureWarning, match="optimiser=adamw"):
        optimiser = build_optimiser(settings_of("training.optimiser=adamw"))
    assert type(optimiser) is AdamW
    with pytest.warns(FutureWarning, match="optimiser=muon"):
        assert type(build_optimiser(settings_of("training.optimiser=muon"))) is Muon


def test_a_configuration_recorded_before_there_were_sections_is_trained_as_then():
    values = {"data": {"name": "sample"}, "model": {}, "objective": {}, "loss": {}}
    before = Settings(**values, training=TrainingSettings(optimiser="adamw"))
    with pytest.warns(FutureWarning):
        assert before.of_optimiser() == {"name": "adamw"}
    assert type(build_schedule(before)).__name__ == "WarmupCosine"


def test_two_names_that_disagree_are_refused():
    words = ["training.optimiser=adamw", "optimiser=torch"]
    with pytest.raises(ConfigError, match=r"training\.optimiser: says adamw"):
        settings_of(*words)
