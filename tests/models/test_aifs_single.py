"""AIFS: roles, bounds, weights of variables and levels, by configuration alone."""

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.variable import Role
from anemoi_plugin_training import prepare


@pytest.fixture(scope="module")
def model(train):
    return train("+experiment=aifs-of-waves", "training.learning_rate=0.2", "training.optimiser=adamw")


def test_roles_come_from_the_data_and_the_configuration(model):
    domain = model.checkpoint.domain
    assert domain.prognostic == ("z_500", "z_850", "t_500", "t_850", "q_850", "2t")
    assert domain.diagnostic == ("tp",)
    assert domain.forcings[:2] == ("lsm", "z_sfc")
    assert all(domain[name].constant for name in ("lsm", "z_sfc", "cos_latitude"))
    assert domain["insolation"].computed
    assert not domain["insolation"].constant
    assert set(domain.constants) == {"lsm", "z_sfc"}
    assert {domain[name].role for name in domain.forcings} == {Role.FORCING}


def test_a_forecast_needs_no_rain_and_no_constants_and_keeps_its_bounds(model):
    there = ["z_500", "z_850", "t_500", "t_850", "q_850", "2t"]
    whole, without = (
        model.forecast({"date": "2020-01-02", "lead_time": "12h"}, data=source)["data"]
        for source in ({}, {"variables": there})
    )
    np.testing.assert_array_equal(whole.fields, without.fields)
    assert whole.hours == [6, 12]
    assert whole.variables == ("z_500", "z_850", "t_500", "t_850", "q_850", "2t", "tp")
    assert np.isfinite(whole.fields).all()
    assert whole["tp"].min() == 0  # It would have been negative: steps this large make it so.
    assert (whole["q_850"] >= 0).all()


def test_an_error_counts_by_level_and_variable_and_area_and_tendency(installed):
    training = prepare(config.compose("train", ["+experiment=aifs-of-waves", "graph.refinement=0"]))
    part, domain = training.criterion.parts[0], training.model.normalised["data"]
    changes = dict(zip(domain.names, domain.changes.stdev, strict=True))
    levels, chosen = {"500": 0.5, "850": 0.85}, {"q": 0.6, "2t": 0.5, "tp": 0.025}
    expected = [
        levels.get(name[-3:], 1.0)
        * chosen.get(name.split("_")[0], 1.0)
        / (changes[name] ** 2 if name in domain.prognostic else 1.0)
        for name in domain.outputs
    ]
    weights = part.fixed[0, 0, 0].numpy()  # (grid, variable)
    areas = domain.grid.areas
    np.testing.assert_allclose(
        weights / weights[:1, :1], np.outer(areas / areas[0], expected / expected[0]), rtol=1e-5
    )
