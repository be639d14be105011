"""AIFS-CRPS and FGN: members that differ by noise."""

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import ConfigError
from anemoi.core.model import Sample

ENSEMBLE = ("data=waves", "objective=noisy-members", "loss=crps", "scalers.tendency.name=tendency-stdev")
START = {"date": "2020-01-02", "lead_time": "12h", "members": 3}


@pytest.fixture(scope="module")
def model(train):
    return train(*ENSEMBLE, "training.learning_rate=0.05")


def test_the_same_seed_gives_the_same_members_and_they_differ(model):
    one, again, other = (model.forecast({**START, "seed": seed})["data"] for seed in (1, 1, 2))
    assert one.fields.shape == (2, 3, 36, 2)
    np.testing.assert_array_equal(one.fields, again.fields)
    for other_members in (one.fields[:, [1, 2, 0]], other.fields):
        assert (np.abs(one.fields - other_members).max(axis=(2, 3)) > 0).all()


def test_the_weights_of_the_condition_are_trained_and_the_objective_is_needed(model):
    conditioned = [name for name in model.checkpoint.weights if name.endswith("modulation.weight")]
    assert conditioned
    assert any(model.checkpoint.weights[name].any() for name in conditioned)
    (needed,) = (entry for entry in model.checkpoint.lock if entry.kind == "objective")
    assert (needed.name, needed.distribution, needed.needed) == ("noisy-members", "aifs_crps", True)


def test_two_members_are_trained_on_one_truth(model):
    built, heard = build_model(model.checkpoint), []
    domain, steps = built.normalised["data"], built.steps
    sample = Sample({"data": torch.randn(1, 4, 1, 36, len(domain.names))}, {}, {"data": domain}, steps, 2)

    def criterion(predictions, targets, *, step):
        heard.append((predictions["data"].detach(), targets["data"]))
        return predictions["data"].mean()

    losses = built.objective.loss(built, sample, criterion, torch.Generator().manual_seed(0))
    assert losses.shape == (2,)
    for predictions, targets in heard:
        assert (predictions.shape[2], targets.shape[2]) == (2, 1)
        assert (predictions[:, :, 0] - predictions[:, :, 1]).abs().max() > 0


def test_noise_that_no_layer_takes_is_refused(train):
    with pytest.raises(
        ConfigError, match="conditions the model on 8 numbers, but the model takes no condition"
    ):
        train(*ENSEMBLE, "model=spectral", small=False)
