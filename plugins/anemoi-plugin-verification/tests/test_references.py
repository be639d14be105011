"""The climatological and the lagged ensemble."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from anemoi.core.errors import DataError, RequestError
from anemoi.core.variable import Variable
from scoringrules import crps_ensemble

from anemoi_plugin_verification import climatology
from anemoi_plugin_verification.ensemble_metrics import BrierScore, RankHistogram
from anemoi_plugin_verification.evaluation import Evaluator
from anemoi_plugin_verification.metrics import ContinuousRankedProbabilityScore
from anemoi_plugin_verification.past_states import PastStates
from anemoi_plugin_verification.period import Period
from anemoi_plugin_verification.verification import verify

HOUR = np.timedelta64(3600, "s")
CRPS = {"crps": ContinuousRankedProbabilityScore}


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "s")


def test_members_are_states_of_the_same_time_of_day_spread_over_the_period(weather) -> None:
    past = PastStates(weather, weather.variables, Period(day("2025-12-01"), day("2025-12-15T18")), 5)
    dates = past.dates(day("2025-12-18T06"))
    assert [str(date) for date in dates] == [f"2025-12-{date:02}T06:00:00" for date in (1, 4, 7, 10, 13)]
    np.testing.assert_array_equal(past.at(day("2025-12-18T06")), weather.read(dates)[:, 0])


def test_there_are_no_more_members_than_states_and_they_take_other_times_of_day(weather) -> None:
    past = PastStates(weather, weather.variables, Period(day("2025-12-01"), day("2025-12-02T00")), 8)
    assert past.members == len(set(past.dates(day("2025-12-18T06")).tolist())) == 5
    with pytest.raises(DataError, match="fewer than two states"):
        PastStates(weather, weather.variables, Period(day("2025-12-01"), day("2025-12-01")), 8)


def test_in_a_period_of_years_members_are_of_the_season(array_source, lat_lon) -> None:
    source = array_source(
        np.zeros((3 * 365, 1, 266, 1)), lat_lon(15.0), ("msl",), step=24, first="2020-01-01"
    )
    past = PastStates(source, ("msl",), Period(source.times[0], source.times[-1]), 20)
    dates = past.dates(day("2024-01-03"))
    of_year = (dates - dates.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    assert ((of_year <= 17) | (of_year >= 352)).all()
    assert {date.astype(object).year for date in dates} == {2020, 2021, 2022}
    assert len(set(dates.tolist())) == 20


def test_an_ensemble_is_scored_beside_one_of_the_past(checkpoint, weather, damped) -> None:
    metrics = {**CRPS, "rank-histogram": RankHistogram, "brier": BrierScore}
    result = verify(checkpoint, weather, start="2025-12-19", lead_time="12h", members=3, metrics=metrics)
    evaluation = result.domain.evaluation
    assert evaluation.forecasters == ("model", "persistence", "climatology", "climatological_ensemble")
    areas, expected = weather.grid.areas, []
    for start in evaluation.starts:
        time = start + 12 * HOUR
        same = [
            other for other in weather.times[:60] if other.astype(object).hour == time.astype(object).hour
        ]
        members, (truth,) = weather.read([same[k] for k in (0, 5, 10)]), weather.read([time])
        cells = crps_ensemble(truth[0].astype(float), members[:, 0].astype(float), m_axis=0, estimator="nrg")
        expected.append(np.average(cells, axis=0, weights=areas))
    found = evaluation.metrics["crps"].overall["climatological_ensemble"][1]
    assert found == pytest.approx(np.mean(expected, axis=0), rel=1e-9)
    ranks = evaluation.metrics["rank-histogram"].details["model"]["frequency"]
    assert ranks.shape == (2, 2, 4)
    assert ranks.sum(axis=-1) == pytest.approx(1.0)
    row = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))[1]
    assert row["details"]["rank-histogram"]["model"]["frequency"] == pytest.approx(list(ranks[1, 0]))
    assert len(row["details"]["brier"]["climatological_ensemble"]["observed"]) == 4


def test_a_lagged_ensemble_is_of_forecasts_valid_at_the_same_time(checkpoint, weather, damped) -> None:
    how = {"start": "2025-12-20", "end": "2025-12-20T12", "lead_time": "12h", "members": 3, "metrics": CRPS}
    result = verify(checkpoint, weather, **how, lagged=3)
    assert [str(date) for date in damped] == [f"2025-12-{hour}:00:00" for hour in ("20T00", "19T18", "19T12")]
    assert result.domain.evaluation.forecasters[-1] == "lagged_ensemble"
    time, states = day("2025-12-20T12"), weather.read(weather.times)[:, 0].astype(float)
    at = {date: states[k] for k, date in enumerate(weather.times)}
    # Half of the truth and half of the state at the start of each; the control of the first is 1 lower.
    members = np.stack([(at[time] + at[day("2025-12-20") - 6 * k * HOUR]) / 2 for k in range(3)])
    members[0] -= 1
    cells = crps_ensemble(at[time], members, m_axis=0, estimator="nrg")
    found = result.domain.evaluation.metrics["crps"].overall["lagged_ensemble"][1]
    assert found == pytest.approx(np.average(cells, axis=0, weights=weather.grid.areas), rel=1e-4)


def test_starts_have_all_that_earlier_forecasts_need(checkpoint, weather, damped) -> None:
    how = {"start": "2025-12-01", "end": "2025-12-03", "lead_time": "6h", "members": 3, "metrics": CRPS}
    starts = [verify(checkpoint, weather, **how, lagged=lagged).starts[0] for lagged in (1, 4)]
    # A step before each start is read too, so that the earliest of a single forecast is the second state.
    assert [str(start) for start in starts] == ["2025-12-01T06:00:00", "2025-12-02T00:00:00"]


def test_copies_and_too_few_members_are_refused_before_any_forecast(
    checkpoint, weather, damped, monkeypatch
) -> None:
    with pytest.raises(RequestError, match="defined for 2 members or more; one is forecast"):
        verify(checkpoint, weather, metrics={"crps": partial(ContinuousRankedProbabilityScore, fair=True)})
    parts = {
        "objective": type("Objective", (), {"stochastic": False}),
        "network": type("Network", (), {"networks": (None,)}),
        "with_network": classmethod(lambda model, number: model),
    }
    model = type("Model", (), parts)
    monkeypatch.setattr("anemoi_plugin_verification.verification.build_model", lambda *a, **how: model)
    with pytest.raises(RequestError, match="All 3 members would be the same"):
        verify(checkpoint, weather, members=3, lead_time="12h")
    assert not damped


def test_a_state_of_the_past_that_is_not_defined_somewhere_is_the_mean_there(
    weather, domain_of, persistence_forecast
) -> None:
    weather._values[4, 0, 30, 1] = np.nan
    domain = domain_of(weather, Variable("msl"), Variable("2t", may_be_missing=True))
    period = Period(weather.times[0], weather.times[15])
    normal = climatology(weather, domain.outputs, period.start, period.end, may_be_missing=["2t"])
    past = PastStates(weather, domain.outputs, period, 16, may_be_missing=["2t"])
    evaluator = Evaluator(weather, normal, domain=domain, metrics=CRPS, past=past)
    evaluator.add(persistence_forecast(weather, day("2025-12-16"), 2))
    assert np.isfinite(evaluator.evaluation().metrics["crps"].overall["climatological_ensemble"]).all()
