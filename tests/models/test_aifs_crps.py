"""AIFS-CRPS and FGN: members that differ by noise."""

import numpy as np
import pytest
from anemoi.core.errors import ConfigError

ENSEMBLE = ("data=waves", "objective=ensemble", "loss=crps", "scalers.tendency.name=tendency-stdev")
START = {"date": "2020-01-02", "lead_time": "12h", "members": 3}


@pytest.fixture(scope="module")
def model(train):
    return train(*ENSEMBLE, "training.learning_rate=0.05")


def test_the_same_seed_gives_the_same_members_and_they_differ(model):
    one, again, other = (model.forecast({**START, "seed": seed})["data"] for seed in (1, 1, 2))
    assert one.fields.shape == (2, 3, 36, 2)
    np.testing.assert_array_equal(one.fields, again.fields)
    spread = one.fields.std(axis=1)  # (lead time, grid, variable)
    assert (spread.mean(axis=1) > 0).all()
    assert (np.abs(one.fields - other.fields).max(axis=(2, 3)) > 0).all()
    # Noise of its own at every step: what the members have come apart by does not stay as it was.
    assert (spread[1].mean(axis=0) > spread[0].mean(axis=0)).all()


def test_the_weights_of_the_condition_are_trained_and_the_objective_is_needed(model):
    conditioned = [name for name in model.checkpoint.weights if name.endswith("modulation.weight")]
    assert conditioned
    assert any(model.checkpoint.weights[name].any() for name in conditioned)
    (needed,) = (entry for entry in model.checkpoint.lock if entry.kind == "objective")
    assert (needed.name, needed.distribution, needed.needed) == ("ensemble", "aifs_crps", True)


def test_noise_that_no_layer_takes_is_refused(train):
    with pytest.raises(
        ConfigError, match="conditions the model on 8 numbers, but the model takes no condition"
    ):
        train(*ENSEMBLE, "model=spectral", small=False)
