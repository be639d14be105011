from __future__ import annotations

import json
import math

import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import State

from anemoi_plugin_verification import Period, climatology, evaluate, start_dates

HOUR = np.timedelta64(3600, "s")


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "s")


@pytest.fixture
def normal(weather):
    return climatology(weather, weather.variables, day("2025-12-01"), day("2025-12-15T18"))


def test_persistence_given_as_the_model_scores_as_persistence(weather, normal, persistence_forecast) -> None:
    starts = [day("2025-12-16"), day("2025-12-16T06"), day("2025-12-17T12")]
    result = evaluate(
        (persistence_forecast(weather, start, 4) for start in starts),
        weather,
        normal,
        variables=weather.variables,
    )
    assert result.rmse["model"].shape == (3, 4, 2)
    for name in ("rmse", "bias", "acc"):
        by_forecaster = getattr(result, name)
        np.testing.assert_allclose(by_forecaster["model"], by_forecaster["persistence"])
    assert [score.skill["persistence"] for score in result.scores()] == pytest.approx([0.0] * 8)
    assert {score.starts_better_than_persistence for score in result.scores()} == {0}


def test_a_perfect_forecast_has_no_error(weather, normal) -> None:
    start = day("2025-12-16")
    perfect = [State(start, HOUR * h, weather.read([start + HOUR * h])[0]) for h in (0, 6, 12)]
    result = evaluate([perfect], weather, normal, variables=weather.variables)
    assert list(result.lead_times / HOUR) == [6, 12]  # the initial state is no forecast
    for score in result.scores():
        assert (score.rmse["model"], score.bias["model"]) == (0.0, 0.0)
        assert score.acc["model"] == pytest.approx(1.0)
        assert score.skill == {"persistence": 1.0, "climatology": 1.0}
        assert score.starts_better_than_persistence == 1


def test_scores_are_the_means_over_starts_of_roots_of_area_means(
    weather, normal, persistence_forecast
) -> None:
    starts = start_dates(weather, Period(day("2025-12-16"), day("2025-12-20T18")), 6 * HOUR * np.arange(1, 3))
    result = evaluate(
        (persistence_forecast(weather, start, 2) for start in starts),
        weather,
        normal,
        variables=weather.variables,
    )
    areas = weather.grid.areas / (4 * np.pi)
    roots = []
    for start in starts:
        then, now = weather.read([start + 12 * HOUR, start])[:, 0, :, 0].astype(float)
        roots.append(math.sqrt(sum(areas * (now - then) ** 2)))
    score = next(s for s in result.scores() if s.variable == "msl" and s.lead_time == 12 * HOUR)
    assert score.rmse["model"] == pytest.approx(sum(roots) / len(roots), rel=1e-9)


def test_the_mean_of_an_ensemble_is_scored(weather, normal) -> None:
    start = day("2025-12-16")
    truth = weather.read([start + 6 * HOUR])[0]
    members = np.concatenate([truth - 2, truth + 6])
    result = evaluate([[State(start, 6 * HOUR, members)]], weather, normal, variables=weather.variables)
    assert result.bias["model"][0, 0] == pytest.approx([2.0, 2.0], abs=0.01)


def test_variables_are_matched_by_name(weather, normal) -> None:
    start = day("2025-12-16")
    swapped = [State(start, 6 * HOUR, weather.read([start + 6 * HOUR])[0][..., ::-1])]
    backwards = climatology(weather, ("2t", "msl"), day("2025-12-01"), day("2025-12-15"))
    result = evaluate([swapped], weather, backwards, variables=("2t", "msl"))
    assert result.rmse["model"] == pytest.approx(0.0)


def test_climatology_is_the_mean_for_the_time_of_day(weather, normal) -> None:
    assert normal.has_daily_cycle
    assert list(normal.hours / HOUR) == [0, 6, 12, 18]
    by_hand = weather.read(weather.times[2:60:4]).mean(axis=(0, 1), dtype=float)
    np.testing.assert_allclose(normal.at(day("2025-12-19T12")), by_hand)
    np.testing.assert_allclose(
        normal.at(day("2025-12-19T03")), weather.read(weather.times[:60]).mean((0, 1), float)
    )


def test_a_short_climatology_is_the_same_for_every_time_of_day(weather) -> None:
    short = climatology(weather, ("msl",), day("2025-12-01"), day("2025-12-09T18"))  # nine of each hour
    assert not short.has_daily_cycle
    by_hand = weather.read(weather.times[:36])[..., :1].mean((0, 1), float)
    for hour in (0, 6, 12):
        np.testing.assert_allclose(short.at(day("2025-12-20") + hour * HOUR), by_hand)


def test_climatology_passes_over_missing_states(weather, array_source) -> None:
    holed = array_source(weather._values, weather.grid, weather.variables, missing=[0, 5])
    normal = climatology(holed, ("msl",), day("2025-12-01"), day("2025-12-03T18"))
    kept = [i for i in range(12) if i not in (0, 5)]
    np.testing.assert_allclose(
        normal.at(day("2025-12-20")), weather._values[kept, 0, :, :1].mean(0), rtol=1e-6
    )


def test_starts_are_those_whose_every_lead_time_is_in_the_period(array_source, lat_lon) -> None:
    # the sizes of the sample: 104 states, 84 of them for training, two days of six-hourly lead times
    source = array_source(np.zeros((104, 1, 266, 1)), lat_lon(15.0), ("msl",))
    leads = 6 * HOUR * np.arange(1, 9)
    starts = start_dates(source, Period(source.times[84], source.times[-1]), leads, steps_before=1)
    assert list(starts) == list(source.times[84:96])
    holed = array_source(np.zeros((104, 1, 266, 1)), lat_lon(15.0), ("msl",), missing=[83, 90])
    starts = start_dates(holed, Period(source.times[84], source.times[-1]), leads, steps_before=1)
    assert list(starts) == list(source.times[92:96])  # 84 lacks its first step; 82..91 reach or use 90


def test_a_period_too_short_for_one_forecast_is_refused(weather) -> None:
    with pytest.raises(DataError, match=r"No forecast of 48h fits") as error:
        start_dates(weather, Period(day("2025-12-19"), day("2025-12-20T18")), 6 * HOUR * np.arange(1, 9))
    assert "--lead-time" in error.value.fix


def test_json_holds_every_score_and_no_nan(weather, normal, persistence_forecast) -> None:
    result = evaluate(
        [persistence_forecast(weather, day("2025-12-16"), 2)], weather, normal, variables=weather.variables
    )
    rows = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert [(row["variable"], row["lead_time_hours"]) for row in rows] == [
        ("msl", 6.0),
        ("msl", 12.0),
        ("2t", 6.0),
        ("2t", 12.0),
    ]
    assert rows[0]["units"] == "Pa"
    assert rows[0]["acc"]["climatology"] is None
    assert rows[1]["rmse"]["persistence"] == pytest.approx(result.rmse["persistence"][0, 1, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_name(weather, normal, bad, persistence_forecast) -> None:
    forecast = persistence_forecast(weather, day("2025-12-16"), 2)
    fields = forecast[1].fields.copy()
    fields[0, 7, 1] = bad
    broken = [forecast[0], State(forecast[1].start, forecast[1].lead_time, fields)]
    with pytest.raises(DataError, match=r"forecast from .* at 2025-12-16T12: 1 of .* values of 2t"):
        evaluate([broken], weather, normal, variables=weather.variables)
    weather._values[61, 0, 3, 0] = bad
    with pytest.raises(DataError, match=r"The data at 2025-12-16T06: 1 of .* values of msl"):
        evaluate([forecast], weather, normal, variables=weather.variables)


def test_what_does_not_fit_is_refused(weather, normal, persistence_forecast) -> None:
    variables = weather.variables
    one, two = (persistence_forecast(weather, day("2025-12-16"), steps) for steps in (1, 2))
    with pytest.raises(DataError, match="no forecast"):
        evaluate([], weather, normal, variables=variables)
    with pytest.raises(DataError, match="without a state"):
        evaluate([[]], weather, normal, variables=variables)
    with pytest.raises(DataError, match="other lead times"):
        evaluate([one, two], weather, normal, variables=variables)
    with pytest.raises(DataError, match="have no q"):
        evaluate([one], weather, normal, variables=("msl", "q"))
    with pytest.raises(DataError, match="points of 2 variables"):
        evaluate([one], weather, normal, variables=("msl",))
    with pytest.raises(DataError, match="no state between"):
        climatology(weather, variables, day("2024-01-01"), day("2024-02-01"))
