import statistics

import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.ensemble import Ensemble

from .making import HOUR, on_pressure

T = on_pressure("t", "K", 850)
TP = Variable("tp", units="m", accumulated=6 * HOUR)


def test_statistics_are_those_of_the_standard_library(describe, made):
    values = np.random.default_rng(0).normal(280.0, 10.0, (7, 9, 1)).astype(np.float32)
    step = Ensemble(forecast=describe(T, members=7), spread=True, quantiles=[0.25, 0.5])
    assert step.after.variables == ("t_850", "t_spread_850", "t_q25_850", "t_q50_850")
    assert step.after.members == 1
    assert step.after.about("t_spread_850") == on_pressure("t_spread", "K", 850)
    (fields,) = made(step, values)
    for point in range(9):
        members = values[:, point, 0].astype(float).tolist()
        quartiles = statistics.quantiles(members, n=4, method="inclusive")
        expected = [
            statistics.mean(members),
            statistics.stdev(members),
            quartiles[0],
            statistics.median(members),
        ]
        np.testing.assert_allclose(fields[0, point], expected, rtol=1e-6)


def test_chances_are_parts_of_the_members(describe, made):
    step = Ensemble(
        forecast=describe(T, TP, members=4), mean=False, above={"tp": [0.1, 0.5]}, below={"t": [273.15]}
    )
    assert step.after.variables == ("tp_above0p1", "tp_above0p5", "t_below273p15_850")
    chance = step.after.about("tp_above0p1")
    assert (chance.units, chance.statistic) == ("1", None)  # no sum over six hours
    fields = np.zeros((4, 1, 2))
    fields[:, 0, 0] = [273.15, 273.0, 280.0, 270.0]
    fields[:, 0, 1] = [
        0.1,
        0.2,
        0.6,
        0.0,
    ]  # what is at the threshold is not above it, in single precision too
    (found,) = made(step, fields)
    assert found[0, 0].tolist() == [0.5, 0.25, 0.5]


def test_where_one_member_is_missing_all_statistics_are(describe, made):
    step = Ensemble(forecast=describe(T, members=2), spread=True, quantiles=[0.5], above={"t": [1.0]})
    (fields,) = made(step, [[[280.0], [280.0]], [[np.nan], [281.0]]])
    assert np.isnan(fields[0, 0]).all()
    assert np.isfinite(fields[0, 1]).all()


@pytest.mark.parametrize(
    ("options", "members", "error", "message"),
    [
        ({}, 1, DataError, "the forecast has one"),
        ({"mean": False}, 2, ConfigError, "No statistic"),
        ({"quantiles": [90]}, 2, ConfigError, r"\[90\] are not within 0 and 1"),
        ({"quantiles": [0.5, 0.5]}, 2, ConfigError, "asked for twice"),
        ({"above": {"x": [1]}}, 2, ConfigError, r"no x \(above\)"),
    ],
)
def test_what_cannot_be_is_refused(describe, options, members, error, message):
    with pytest.raises(error, match=message):
        Ensemble(forecast=describe(T, members=members), **options)


def test_directions_have_no_mean_but_chances(describe):
    forecast = describe(Variable("10wdir", units="degrees"), members=2)
    with pytest.raises(DataError, match="10wdir would be of directions"):
        Ensemble(forecast=forecast)
    assert Ensemble(forecast=forecast, mean=False, above={"10wdir": [270]}).after.members == 1
