"""Callbacks change a training and end it, and go on when it does."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError

from anemoi_plugin_training import Moment
from anemoi_plugin_training.callbacks.gradient_noise import GradientNoise
from anemoi_plugin_training.callbacks.stop_below import StopBelow
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.runs import read

from .test_resuming import goes_on, leave_after, recorded, same_weights, training_of

NOISE = ["callback=[gradient-noise]", "callbacks.gradient-noise.variance=0.01"]


def test_noise_has_the_variance_of_its_step_and_is_the_same_in_every_process():
    model = torch.nn.Linear(200, 200)
    model.bias.requires_grad_(False)
    noise, optimisers = GradientNoise(variance=0.5, decay=0.55), [torch.optim.SGD(model.parameters())]
    found = {}
    for step in (1, 100):
        for process in (0, 1):
            model.weight.grad = torch.full((200, 200), 3.0)
            noise.before_step(Moment(step, 100, model, optimisers, torch.Generator().manual_seed(7)))
            found[step, process] = model.weight.grad
        assert torch.equal(found[step, 0], found[step, 1])
    assert found[1, 0].mean().item() == pytest.approx(3, abs=0.02)
    assert found[1, 0].var().item() == pytest.approx(0.5, rel=0.03)
    assert found[100, 0].var().item() == pytest.approx(0.5 / 100**0.55, rel=0.03)


def test_a_training_with_a_callback_goes_on_as_if_it_had_never_been_left(tmp_path):
    training_of(*NOISE).run(tmp_path / "whole")
    with pytest.raises(InterruptedTraining):
        training_of(*NOISE).run(tmp_path / "left", on_step=leave_after(5))
    goes_on(tmp_path / "left")
    assert recorded(tmp_path / "left") == recorded(tmp_path / "whole")
    files = [tmp_path / name / "checkpoint.safetensors" for name in ("left", "whole")]
    assert same_weights(*files)
    training_of().run(tmp_path / "without")
    losses = [[line["loss"] for line in recorded(tmp_path / name)] for name in ("whole", "without")]
    assert losses[0][0] == losses[1][0]
    assert not np.allclose(*losses)


def test_a_callback_ends_a_training_as_its_last_step_does(tmp_path, caplog):
    run = tmp_path / "run"
    words = ["metric=learning_rate", "value=1", "times=4"]
    training_of("callback=[stop-below]", *(f"callbacks.stop-below.{word}" for word in words)).run(run)
    assert "ends after step 4. stop-below: learning_rate is 0.01, below 1" in caplog.text
    assert len(recorded(run)) == 4
    assert read(run).status == "finished"
    assert (run / "checkpoint.safetensors").exists()


def test_a_metric_counts_where_it_is_and_in_a_row():
    stop, moment = StopBelow(value=0.5, times=2), None
    seen = [0.4, None, 0.6, 0.4, None, 0.3]
    metrics = [{} if each is None else {"validation_loss": each} for each in seen]
    assert [stop.after_step(moment, each) is not None for each in metrics] == [False] * 5 + [True]


def test_a_callback_that_cannot_be_built_is_refused_before_any_data_are_read():
    with pytest.raises(ConfigError, match=r"callbacks\.stop-below\.metrik"):
        training_of("callback=[stop-below]", "+callbacks.stop-below.metrik=loss")
