"""Atmosphere and ocean: two domains with grids and time steps of their own, and one hidden mesh."""

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model

EVERY = list(range(6, 49, 6))


@pytest.fixture(
    scope="module",
    params=[pytest.param((), id="daily"), pytest.param(("domains.ocean.frequency=6h",), id="held")],
)
def model(train, request):
    """One step takes a day, with one state of the ocean and four of the atmosphere; or six hours, one of each.

    There the ocean's states hold for a day.
    """
    return train("data=coupled", *request.param)


def test_each_domain_keeps_its_own_time_and_grid(model):
    held = model.checkpoint.configuration["domains"]["ocean"].get("frequency") == "6h"
    made = model.forecast({"date": "2020-01-04", "lead_time": "48h"})
    assert made["atmosphere"].hours == EVERY
    assert made["ocean"].hours == (EVERY if held else [24, 48])
    assert made["atmosphere"].fields.shape == (8, 1, 36, 3)
    assert np.isfinite(made["atmosphere"].fields).all()
    assert made["ocean"].fields.shape[1:] == (1, 32, 1)
    land = model.checkpoint.domains["ocean"].constants["lsm"] > 0
    assert land.any()
    assert (np.isnan(made["ocean"]["sst"]) == land).all()


@pytest.mark.parametrize(("changed", "heard"), [("ocean", "atmosphere"), ("atmosphere", "ocean")])
def test_what_the_one_does_the_other_hears(model, changed, heard):
    built = build_model(model.checkpoint)
    inputs = {
        name: torch.randn(1, 2, 1, len(domain.grid), len(domain.inputs))
        for name, domain in built.normalised.items()
    }
    with torch.inference_mode():
        before = built.advance(inputs, torch.Generator())[heard]
        inputs[changed] = inputs[changed] + 1
        after = built.advance(inputs, torch.Generator())[heard]
    assert (before - after).abs().max() > 0
