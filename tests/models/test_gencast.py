"""GenCast: a diffusion with its own sampler, conditioned on the noise level."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model
from anemoi.core.model import Sample
from gencast.plugin import Diffusion


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
    # Three prognostic variables and four noised ones at two times, the constant and the computed once.
    assert network.inputs["data"].channels == 2 * (3 + 4) + 1 + 9


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


def perfect(spread):
    """A network that knows the best guess, for data that are normal with mean zero and ``spread``."""

    def network(fields, condition):
        level = (4 * condition[0, 0, 0]).exp()
        noised = fields["data"][:, -1:, ..., -1:] * (level**2 + 1).sqrt()
        best = noised * spread**2 / (spread**2 + level**2)
        asked.append((float(level), float(noised.std())))
        return {"data": (best - noised / (level**2 + 1)) * (level**2 + 1).sqrt() / level}

    asked: list[tuple[float, float]] = []
    return network, asked


def test_the_sampler_turns_noise_into_what_the_data_are_like(model):
    normalised = model.checkpoint.domain
    domain = normalised.derived([("tp", normalised["tp"])])
    step = model.checkpoint.steps["data"]
    found = {}
    for count in (5, 10, 20):
        network, asked = perfect(spread := 0.5)
        stand_in = SimpleNamespace(
            network=network,
            normalised={"data": domain},
            steps={"data": step},
            enforce=lambda outputs: outputs,
        )
        generator = torch.Generator().manual_seed(0)
        inputs = {"data": torch.zeros(1, 2, 400, 36, 0)}
        outputs = Diffusion(sampler_steps=count).advance(stand_in, inputs, generator)["data"]
        assert outputs.shape == (1, 1, 400, 36, 1)
        levels, spreads = zip(*asked, strict=True)
        assert len(asked) == 2 * count - 1
        assert levels[0] == pytest.approx(88.0)
        assert levels[-1] == pytest.approx(0.02, rel=1e-4)
        assert list(levels) == sorted(levels, reverse=True)
        assert list(spreads) == sorted(spreads, reverse=True)
        found[count] = abs(float(outputs.std()) / spread - 1)
    assert found[5] > found[10] > found[20]
    assert found[20] < 0.02


def test_a_network_that_knows_the_answer_has_no_loss(model):
    """The loss is that of the denoised state against the truth, whatever the noise, weighted by its level."""
    built = build_model(model.checkpoint)
    domain, steps, heard = built.normalised["data"], built.steps, []
    sample = Sample({"data": torch.randn(3, 3, 1, 36, len(domain.names))}, {}, {"data": domain}, steps, 1)
    truth, last = sample.outputs()["data"], sample.inputs()["data"][:, -1:]
    clean = truth.clone()
    for name in domain.prognostic:
        place, change = domain.outputs.index(name), domain.changes.stdev[domain.names.index(name)]
        clean[..., place] = (truth[..., place] - last[..., domain.inputs.index(name)]) / change

    def network(given, condition):
        level = (4 * condition[:, 0, 0]).exp().view(-1, 1, 1, 1, 1)
        noised = given["data"][:, -1:, ..., -4:] * (level**2 + 1).sqrt()
        heard.append(((noised - clean).std(dim=(1, 2, 3, 4)), level.flatten()))
        return {"data": (clean - noised / (level**2 + 1)) * (level**2 + 1).sqrt() / level}

    def criterion(predictions, targets, *, step, weights):
        heard.append((predictions["data"] - targets["data"], weights))
        return predictions["data"].mean()

    stand_in = SimpleNamespace(network=network, normalised={"data": domain}, steps=steps)
    built.objective.loss(stand_in, sample, criterion, torch.Generator().manual_seed(0))
    (spread, level), (error, weights) = heard
    assert error.abs().max() < 1e-3
    torch.testing.assert_close(spread, level, rtol=0.2, atol=0)
    torch.testing.assert_close(weights, (level**2 + 1) / level**2)
