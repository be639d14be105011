"""The objective of GenCast, forecast where no trainer is installed."""

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model


@pytest.fixture(scope="module")
def model(train):
    return train(
        "data=waves",
        "data.variables=[t_850, u_850, sst, tp, lsm]",
        "objective=diffusion",
        "objective.sampler_steps=4",
        "transforms.bounding.relu=[tp]",
    )


def test_the_network_sees_what_the_objective_adds_and_the_data_do_not(model):
    network = build_model(model.checkpoint).network
    assert model.checkpoint.domain.prognostic == ("t_850", "u_850", "sst")
    assert network.inputs["data"].prognostic == []
    # Three prognostic variables at two times; four noised ones, the constant and the computed once.
    assert network.inputs["data"].channels == 2 * 3 + 4 + 1 + 9


def test_members_differ_and_the_same_seed_gives_the_same(model):
    start = {"date": "2020-01-02", "lead_time": "12h", "members": 2, "seed": 3}
    one, again = (model.forecast(start)["data"] for _ in range(2))
    np.testing.assert_array_equal(one.fields, again.fields)
    assert one.fields.shape == (2, 2, 36, 4)
    assert (np.abs(np.nan_to_num(one.fields[:, 0] - one.fields[:, 1])).max(axis=1) > 0).all()
    land = model.checkpoint.domain.constants["lsm"] > 0
    np.testing.assert_array_equal(np.isnan(one["sst"]), np.broadcast_to(land, one["sst"].shape))
    assert (one["tp"] >= 0).all()
    assert one["tp"].any()


def test_what_the_next_step_begins_with_is_within_bounds_and_filled_in_over_land(model):
    built = build_model(model.checkpoint)
    domain = built.normalised["data"]
    inputs = {"data": torch.randn(1, 2, 2, 36, len(domain.inputs))}
    with torch.no_grad():
        outputs = built.advance(inputs, torch.Generator().manual_seed(0))["data"]
    rain, sea_surface = (outputs[..., domain.outputs.index(name)] for name in ("tp", "sst"))
    assert rain.min() == pytest.approx(built.normalise("data", torch.zeros(1, 1), ["tp"]).item())
    land = torch.from_numpy(domain.missing["sst"])
    filled = built.normalise("data", torch.full((1, 1), torch.nan), ["sst"]).item()
    assert (sea_surface[..., land] == filled).all()
    assert (sea_surface[..., ~land] != filled).all()
