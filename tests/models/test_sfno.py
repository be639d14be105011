"""A spectral model, which no graph is built for."""

import numpy as np
import pytest
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import ConfigError


@pytest.fixture(scope="module")
def model(train):
    return train("data=waves", "model=spectral", small=False)


def test_it_has_no_graph_and_is_needed(model):
    checkpoint = model.checkpoint
    assert checkpoint.graph is None
    assert {entry.role for entry in checkpoint.lock if entry.needed} >= {"model", "objective"}
    assert all(parent["kind"] == "dataset" for parent in checkpoint.provenance["parents"])


def test_a_forecast_of_two_steps(model):
    made = model.forecast({"date": "2020-01-02", "lead_time": "12h"})
    assert made["data"].fields.shape == (2, 1, 36, 2)
    assert np.isfinite(made["data"].fields).all()


def test_what_is_turned_about_the_axis_is_forecast_turned(model):
    """With nothing that tells where a point is, the spectral part turns with the fields."""
    import torch

    network = build_model(model.checkpoint).network
    fields = torch.randn(1, 2, 1, 6, 6, 12)
    turned = fields.roll(2, dims=4)
    outputs = (
        network({"data": each.flatten(3, 4)})["data"].unflatten(3, (6, 6)) for each in (fields, turned)
    )
    straight, after = outputs
    torch.testing.assert_close(after, straight.roll(2, dims=4))


def test_a_grid_that_is_not_regular_is_refused(train):
    with pytest.raises(ConfigError, match="needs a regular grid"):
        train("data=waves", "data.longitudes=[0, 10, 10, 50]", "model=spectral", small=False)
