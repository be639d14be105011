"""A U-Net written without Anemoi, of a kind that its plugin declares."""

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model
from foreign.unet import UNet


@pytest.fixture(scope="module")
def model(train):
    choice = ("model=image", "model.network.width=4")
    return train("data=waves", "data.variables=[t_850, u_850, tp]", *choice, small=False)


def test_the_network_is_locked_as_needed(model):
    entries = {entry.role: entry for entry in model.checkpoint.lock if entry.needed}
    assert (entries["model"].kind, entries["model"].name) == ("model", "image")
    network = entries["model.network"]
    assert (network.kind, network.name, network.distribution) == ("image_network", "u-net", "foreign")
    assert model.checkpoint.graph is None


def test_a_forecast_of_two_steps(model):
    made = model.forecast({"date": "2020-01-02", "lead_time": "12h"})
    assert made["data"].fields.shape == (2, 1, 36, 3)
    assert np.isfinite(made["data"].fields).all()
    assert made["data"].variables == ("t_850", "u_850", "tp")


def test_the_model_is_the_bare_network_and_the_last_state(model):
    """Its weights, loaded where Anemoi is not, give the same image."""
    checkpoint = model.checkpoint
    bare = UNet(in_channels=2 * len(checkpoint.domain.inputs), out_channels=3, width=4)
    prefix = "network.network.network."
    bare.load_state_dict({name.removeprefix(prefix): each for name, each in checkpoint.weights.items()})
    fields = torch.randn(2, 2, 3, 36, len(checkpoint.domain.inputs))
    with torch.no_grad():
        states = build_model(checkpoint).network({"data": fields})["data"]
        image = torch.stack(
            [fields[1, :, 2, :, v].unflatten(-1, (6, 6)) for v in range(fields.shape[-1])], dim=1
        )
        expected = bare(image.flatten(0, 1)[None])[0].flatten(1).T  # (grid, variable)
    expected[:, :2] += fields[1, -1, 2, :, :2]
    torch.testing.assert_close(states[1, 0, 2], expected)
