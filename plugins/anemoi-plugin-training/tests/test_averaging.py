"""Forecasts are made with the average of the weights, and training goes on from those of the last step."""

import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import inspect, load

from anemoi_plugin_training import prepare
from anemoi_plugin_training.averaging import Average
from anemoi_plugin_training.leaving import InterruptedTraining

from .test_resuming import VALIDATED, goes_on, leave_after, recorded, same_weights, training_of

EMA = [*VALIDATED, "training.ema=0.8"]


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """A run, and its weights after each step."""
    run, after = tmp_path_factory.mktemp("averaged") / "run", []
    training = training_of(*EMA)

    def copied():
        return {name: each.detach().clone() for name, each in training.model.named_parameters()}

    after.append(copied())
    training.run(run, on_step=lambda step, loss: after.append(copied()))
    return run, after


def test_the_checkpoint_has_the_average_and_says_so(averaged):
    run, after = averaged
    expected, shares = after[0], []
    for step, weights in enumerate(after[1:]):
        shares.append(min(0.8, (1 + step) / (10 + step)))
        expected = {
            name: shares[-1] * expected[name] + (1 - shares[-1]) * each for name, each in weights.items()
        }
    assert shares[0] == 0.1
    path = run / "checkpoint.safetensors"
    for name, weight in load(path).weights.items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-5, atol=1e-7)
        assert not torch.equal(weight, after[-1][name])
    assert inspect(path).document["provenance"]["averaged_weights"] == {"decay": 0.8}


def test_validation_is_of_the_average(averaged):
    run, _ = averaged
    training = prepare(config.compose("train", [*training_of(*EMA).composition.overrides]))
    training.model.load_state_dict(dict(load(run / "checkpoint.safetensors").weights))
    last = recorded(run)[-1]
    expected = {name: last[name] for name in last if name.startswith("validation")}
    assert training._validation(training.validation, "validation")() == expected


def test_a_training_with_an_average_goes_on_as_if_it_had_never_been_left(tmp_path, averaged):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        training_of(*EMA).run(run, on_step=leave_after(5))
    goes_on(run)
    assert recorded(run) == recorded(averaged[0])
    for name in ("checkpoint.safetensors", "best.safetensors"):
        assert same_weights(run / name, averaged[0] / name)


def test_the_average_is_lent_and_given_back_even_after_an_error():
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    average = Average(model, 0.5)
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
        model.bias += 1

    def fail():
        with average.lent_to(model):
            assert torch.equal(model.weight, before)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(model.weight, before + 1)
    assert list(average.weights) == ["weight"]


def test_an_average_of_weights_in_half_precision_keeps_its_digits():
    model = torch.nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    average = Average(model, 0.999)
    average.steps = 10**6
    torch.nn.init.ones_(model.weight)
    average.weights["weight"].fill_(0.5)
    average.update(model)
    assert average.weights["weight"].item() == pytest.approx(0.5005)
