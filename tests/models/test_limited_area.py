"""A limited-area model: boundary forcing at every step, and a rim that is neither trained nor forecast."""

import numpy as np
import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import DataError
from anemoi.core.forecasting import forecast
from anemoi_plugin_training import prepare

CHOSEN = ("data=limited-area", "objective=within-a-rim", "forcings=[]", "graph.refinement=0")


@pytest.fixture(scope="module")
def model(train):
    return train(*CHOSEN)


@pytest.fixture(scope="module")
def rim(model):
    """Where the rim of the region is, ``(grid,)``."""
    return model.checkpoint.domains["region"].constants["rim"] > 0


def test_the_boundary_is_only_forcing_and_comes_at_both_ends_of_a_step(model):
    checkpoint = model.checkpoint
    assert checkpoint.domains["boundary"].outputs == ()
    assert checkpoint.domains["region"].prognostic == ("t_850", "u_850")
    hours = {
        name: [
            [int(each / np.timedelta64(1, "h")) for each in part] for part in (steps.inputs, steps.outputs)
        ]
        for name, steps in checkpoint.steps.items()
    }
    assert hours == {"region": [[-6, 0], [6]], "boundary": [[0, 6], []]}


def test_the_rim_is_what_the_source_of_the_boundary_says_and_the_inside_is_not(model, rim):
    made = model.forecast({"date": "2020-01-02", "lead_time": "12h"})
    assert set(made) == {"region"}
    assert made["region"].hours == [6, 12]
    region, around = model.checkpoint.domains["region"], model.sources["boundary"]
    # The points of the boundary are eight degrees of longitude and six of latitude apart.
    apart = np.cos(np.deg2rad(region.grid.latitudes))[:, None] * (
        region.grid.longitudes[:, None] - around.grid.longitudes
    )
    nearest = np.hypot(apart, region.grid.latitudes[:, None] - around.grid.latitudes).argmin(axis=1)
    times = np.datetime64("2020-01-02", "s") + np.array([6, 12]) * np.timedelta64(1, "h")
    columns = [around.variables.index(name) for name in region.outputs]
    given = around.read(times)[:, 0][..., columns][:, nearest]  # (time, grid, variable)
    error = np.abs(made["region"].fields[:, 0] - given) / region.statistics.stdev[:2]
    assert 0 < rim.sum() < len(rim)
    assert error[:, rim].max() < 1e-5
    assert np.median(error[:, ~rim]) > 1e-2


@pytest.mark.parametrize("time", [0, 1])
def test_the_inside_hears_the_boundary_at_both_ends_of_a_step(model, rim, time):
    built = build_model(model.checkpoint)
    inputs = {
        name: torch.randn(1, 2, 1, len(domain.grid), len(domain.inputs))
        for name, domain in built.normalised.items()
    }
    other = {**inputs, "boundary": inputs["boundary"].clone()}
    other["boundary"][:, time] += 1
    with torch.inference_mode():
        one, two = (built.advance(each, torch.Generator())["region"] for each in (inputs, other))
    assert (one - two).abs()[..., ~rim, :].max() > 0


def test_a_boundary_that_ends_too_early_is_told_before_anything_runs(model):
    short = {**model.checkpoint.configuration["domains"]["boundary"]["data"], "count": 6}
    sources = {**model.sources, "boundary": config.build("source", short)}
    with pytest.raises(
        DataError, match=r"boundary: it has no state at 2020-01-02T12 \(forcings read at every step"
    ):
        forecast(model.checkpoint, sources, "2020-01-02", "12h")


def test_an_error_on_the_rim_costs_nothing(installed):
    training = prepare(config.compose("train", CHOSEN))
    rim = training.data["region"].domain.constants["rim"] > 0
    truth = {"region": torch.randn(1, 1, 1, 25, 2)}
    for where, costs in ((rim, False), (~rim, True)):
        wrong = truth["region"].clone()
        wrong[..., where, :] += 1
        assert (training.criterion({"region": wrong}, truth) > 0) == costs
