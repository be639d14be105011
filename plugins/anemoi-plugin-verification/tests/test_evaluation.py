from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.interfaces.output import State
from anemoi.core.variable import Variable

from anemoi_plugin_verification import Period, climatology, evaluate, start_dates
from anemoi_plugin_verification.area import Area
from anemoi_plugin_verification.ensemble_metrics import Spread
from anemoi_plugin_verification.metrics import ContinuousRankedProbabilityScore

HOUR = np.timedelta64(3600, "s")


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "s")


@pytest.fixture
def normal(weather):
    return climatology(weather, weather.variables, day("2025-12-01"), day("2025-12-15T18"))


def test_persistence_given_as_the_model_scores_as_persistence(
    weather, normal, persistence_forecast, domain_of
) -> None:
    starts = [day("2025-12-16"), day("2025-12-16T06"), day("2025-12-17T12")]
    result = evaluate(
        (persistence_forecast(weather, start, 4) for start in starts),
        weather,
        normal,
        domain=domain_of(weather),
    )
    assert result.rmse.by_start["model"].shape == (3, 4, 2)
    for name in ("rmse", "bias", "acc"):
        by_forecaster = result.metrics[name].by_start
        np.testing.assert_allclose(by_forecaster["model"], by_forecaster["persistence"])
    assert [score.skill["persistence"] for score in result.scores()] == pytest.approx([0.0] * 8)
    assert {score.starts_better_than_persistence for score in result.scores()} == {0}


def test_a_perfect_forecast_has_no_error(weather, normal, domain_of) -> None:
    start = day("2025-12-16")
    perfect = [State(start, HOUR * h, weather.read([start + HOUR * h])[0]) for h in (0, 6, 12)]
    result = evaluate([perfect], weather, normal, domain=domain_of(weather))
    assert list(result.lead_times / HOUR) == [6, 12]  # the initial state is no forecast
    for score in result.scores():
        assert (score.rmse["model"], score.values["bias"]["model"]) == (0.0, 0.0)
        assert score.values["acc"]["model"] == pytest.approx(1.0)
        assert score.skill == {"persistence": 1.0, "climatology": 1.0}
        assert score.starts_better_than_persistence == 1


def test_scores_are_the_means_over_starts_of_roots_of_area_means(
    weather, normal, persistence_forecast, domain_of
) -> None:
    starts = start_dates(
        Period(day("2025-12-16"), day("2025-12-20T18")), [(weather, 6 * HOUR * np.arange(3))], 12 * HOUR
    )
    result = evaluate(
        (persistence_forecast(weather, start, 2) for start in starts),
        weather,
        normal,
        domain=domain_of(weather),
    )
    areas = weather.grid.areas / (4 * np.pi)
    roots = []
    for start in starts:
        then, now = weather.read([start + 12 * HOUR, start])[:, 0, :, 0].astype(float)
        roots.append(math.sqrt(sum(areas * (now - then) ** 2)))
    score = next(s for s in result.scores() if s.variable == "msl" and s.lead_time == 12 * HOUR)
    assert score.rmse["model"] == pytest.approx(sum(roots) / len(roots), rel=1e-9)


@pytest.mark.parametrize(("west", "east"), [(-20.0, 30.0), (340.0, 390.0)])
def test_cells_of_an_area_alone_are_scored(weather, normal, domain_of, west, east) -> None:
    start, area = day("2025-12-16"), Area(60.0, west, -30.0, east)
    grid = weather.grid
    turned = np.where(grid.longitudes > 180.0, grid.longitudes - 360.0, grid.longitudes)
    inside = (grid.latitudes <= 60.0) & (grid.latitudes >= -30.0) & (turned >= -20.0) & (turned <= 30.0)
    np.testing.assert_array_equal(area.cells(grid), inside)
    assert 0 < inside.sum() < len(grid)
    truth = weather.read([start + 6 * HOUR])[0]
    forecast = truth + np.where(inside, 2.0, np.nan)[:, None].astype(np.float32)  # and nothing outside
    result = evaluate(
        [[State(start, 6 * HOUR, forecast)]], weather, normal, domain=domain_of(weather), area=area
    )
    for score in result.scores():
        assert score.rmse["model"] == pytest.approx(2.0, rel=1e-3)
        assert score.values["bias"]["model"] == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("text", ["70/-60/25", "70/-60/25/x", "25/-60/70/45", "70/10/25/10", "99/0/0/9"])
def test_what_is_no_area_is_told(text) -> None:
    with pytest.raises(AnemoiError, match="is no area"):
        Area.parse(text)


def test_an_area_without_cells_is_told(weather, normal, domain_of) -> None:
    with pytest.raises(DataError, match=r"No point of the grid lies in the area 1/1/0\.9/1\.1"):
        evaluate([], weather, normal, domain=domain_of(weather), area=Area.parse("1/1/0.9/1.1"))


def test_the_mean_of_an_ensemble_is_scored(weather, normal, domain_of) -> None:
    start = day("2025-12-16")
    truth = weather.read([start + 6 * HOUR])[0]
    members = np.concatenate([truth - 2, truth + 6])
    result = evaluate([[State(start, 6 * HOUR, members)]], weather, normal, domain=domain_of(weather))
    assert result.metrics["bias"].by_start["model"][0, 0] == pytest.approx([2.0, 2.0], abs=0.01)


def test_variables_are_matched_by_name(weather, normal, domain_of) -> None:
    start = day("2025-12-16")
    swapped = [State(start, 6 * HOUR, weather.read([start + 6 * HOUR])[0][..., ::-1])]
    backwards = climatology(weather, ("2t", "msl"), day("2025-12-01"), day("2025-12-15"))
    domain = domain_of(weather, Variable("2t"), Variable("msl"))
    result = evaluate([swapped], weather, backwards, domain=domain)
    assert result.rmse.by_start["model"] == pytest.approx(0.0)


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
    offsets = 6 * HOUR * np.arange(-1, 9)  # one step before the start, and eight lead times
    period = Period(source.times[84], source.times[-1])
    starts = start_dates(period, [(source, offsets)], 48 * HOUR)
    assert list(starts) == list(source.times[84:96])
    holed = array_source(np.zeros((104, 1, 266, 1)), lat_lon(15.0), ("msl",), missing=[83, 90])
    starts = start_dates(period, [(holed, offsets)], 48 * HOUR)
    assert list(starts) == list(source.times[92:96])  # 84 lacks its first step; 82..91 reach or use 90
    assert list(start_dates(period, [(holed, offsets), (source, offsets)], 48 * HOUR)) == list(starts)


def test_a_period_too_short_for_one_forecast_is_refused(weather) -> None:
    with pytest.raises(DataError, match=r"No forecast of 48h fits") as error:
        start_dates(
            Period(day("2025-12-19"), day("2025-12-20T18")), [(weather, 6 * HOUR * np.arange(9))], 48 * HOUR
        )
    assert "--lead-time" in error.value.fix


def test_json_holds_every_score_and_no_nan(weather, normal, persistence_forecast, domain_of) -> None:
    result = evaluate(
        [persistence_forecast(weather, day("2025-12-16"), 2)], weather, normal, domain=domain_of(weather)
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
    assert rows[1]["rmse"]["persistence"] == pytest.approx(result.rmse.by_start["persistence"][0, 1, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_name(
    weather, normal, bad, persistence_forecast, domain_of
) -> None:
    forecast = persistence_forecast(weather, day("2025-12-16"), 2)
    fields = forecast[1].fields.copy()
    fields[0, 7, 1] = bad
    broken = [forecast[0], State(forecast[1].start, forecast[1].lead_time, fields)]
    with pytest.raises(DataError, match=r"forecast from .* at 2025-12-16T12: 1 of .* values of 2t"):
        evaluate([broken], weather, normal, domain=domain_of(weather))
    weather._values[61, 0, 3, 0] = bad
    with pytest.raises(DataError, match=r"The data at 2025-12-16T06: 1 of .* values of msl"):
        evaluate([forecast], weather, normal, domain=domain_of(weather))


def test_what_does_not_fit_is_refused(weather, normal, domain_of, persistence_forecast) -> None:
    domain = domain_of(weather)
    one, two = (persistence_forecast(weather, day("2025-12-16"), steps) for steps in (1, 2))
    with pytest.raises(DataError, match="no forecast"):
        evaluate([], weather, normal, domain=domain)
    with pytest.raises(DataError, match="without a state"):
        evaluate([[]], weather, normal, domain=domain)
    with pytest.raises(DataError, match="other lead times"):
        evaluate([one, two], weather, normal, domain=domain)
    with pytest.raises(DataError, match="have no q"):
        evaluate([one], weather, normal, domain=domain_of(weather, Variable("msl"), Variable("q")))
    with pytest.raises(DataError, match="points of 2 variables"):
        evaluate([one], weather, normal, domain=domain_of(weather, Variable("msl")))
    with pytest.raises(DataError, match="no state between"):
        climatology(weather, weather.variables, day("2024-01-01"), day("2024-02-01"))


@pytest.fixture
def gaps(weather, domain_of):
    """Temperature is not defined in some cells, one more of which only at 12 December 2025."""
    land = np.zeros(len(weather.grid), bool)
    land[20:60] = True
    weather._values[:, 0, land, 1] = np.nan
    weather._values[44, 0, 100, 1] = np.nan
    domain = domain_of(weather, Variable("msl"), Variable("2t", may_be_missing=True))
    normal = climatology(weather, domain.outputs, weather.times[0], weather.times[59], may_be_missing=["2t"])
    return domain, normal, land


def test_cells_without_truth_are_left_out_and_the_areas_of_the_others_add_up(weather, gaps) -> None:
    domain, normal, land = gaps
    start = day("2025-12-16")
    initial, truth = weather.read([start, start + 6 * HOUR])[:, 0].astype(float)
    forecast = truth + np.linspace(0, 3, len(weather.grid))[:, None]
    forecast[land, 1] = np.nan
    result = evaluate([[State(start, 6 * HOUR, forecast[None])]], weather, normal, domain=domain)
    sea = ~land
    areas = weather.grid.areas[sea] / weather.grid.areas[sea].sum()
    mean = normal.at(start + 6 * HOUR)[sea, 1]
    for who, fields in (("model", forecast[sea, 1]), ("persistence", initial[sea, 1]), ("climatology", mean)):
        error = fields - truth[sea, 1]
        assert result.rmse.overall[who][0, 1] == pytest.approx(np.sqrt(areas @ error**2), rel=1e-12)
        assert result.metrics["bias"].overall[who][0, 1] == pytest.approx(areas @ error, rel=1e-9)
    anomalies = np.stack([forecast[sea, 1] - mean, truth[sea, 1] - mean])
    correlation = np.cov(anomalies, aweights=areas)
    expected = correlation[0, 1] / np.sqrt(correlation[0, 0] * correlation[1, 1])
    assert result.metrics["acc"].overall["model"][0, 1] == pytest.approx(expected, rel=1e-12)


def test_the_climatology_of_a_cell_is_the_mean_of_the_times_it_is_defined_at(weather, gaps) -> None:
    _, normal, land = gaps
    assert (np.isnan(normal.means[..., 1]) == land).all()
    at = [weather.read([time])[0, 0, 100, 1] for time in weather.times[0:60:4] if time != weather.times[44]]
    assert normal.at(day("2025-12-20"))[100, 1] == pytest.approx(np.mean(at, dtype=float), rel=1e-12)
    assert not np.isnan(normal.means[..., 0]).any()


def test_a_cell_counts_for_nobody_where_the_start_or_the_climatology_is_not_defined(weather, gaps) -> None:
    domain, normal, _ = gaps
    start = day("2025-12-16")
    fields = weather.read([start + 6 * HOUR])[0]
    broken = fields.copy()
    broken[0, 200, 1] = np.nan
    with pytest.raises(DataError, match=r"The forecast from .*: 1 of .* values of 2t are not finite"):
        evaluate([[State(start, 6 * HOUR, broken)]], weather, normal, domain=domain)
    weather._values[60, 0, 200, 1] = np.nan  # now it is not defined at the start
    result = evaluate([[State(start, 6 * HOUR, broken)]], weather, normal, domain=domain)
    assert result.rmse.overall["model"][0, 1] == 0
    assert np.isfinite(result.rmse.overall["persistence"]).all()


def test_a_variable_that_is_defined_nowhere_at_one_date_is_scored_at_the_others(weather, gaps) -> None:
    domain, normal, _ = gaps
    weather._values[61, 0, :, 1] = np.nan
    starts = [day("2025-12-16"), day("2025-12-17")]
    forecasts = [
        [State(start, 6 * HOUR, weather.read([start + 6 * HOUR])[0] + np.float32(2))] for start in starts
    ]
    result = evaluate(forecasts, weather, normal, domain=domain)
    assert np.isnan(result.rmse.by_start["model"][0, 0, 1])
    assert result.rmse.overall["model"][0] == pytest.approx([2.0, 2.0], rel=1e-3)
    json.dumps(result.as_json(), allow_nan=False)


def test_nothing_is_missing_that_the_domain_does_not_say_may_be(weather, gaps, domain_of) -> None:
    _, normal, _ = gaps
    start = day("2025-12-16")
    perfect = [State(start, 6 * HOUR, weather.read([start + 6 * HOUR])[0])]
    with pytest.raises(DataError, match=r"The data at 2025-12-16T00: 40 of .* values of 2t are not finite"):
        evaluate([perfect], weather, normal, domain=domain_of(weather))


def test_the_metrics_that_are_named_are_computed_and_the_error_always(weather, normal, domain_of) -> None:
    start = day("2025-12-16")
    truth = weather.read([start + 6 * HOUR])[0]
    members = np.concatenate([truth - 1, truth + 3])
    metrics = {"crps": ContinuousRankedProbabilityScore}
    forecasts = [[State(start, 6 * HOUR, members)]]
    result = evaluate(forecasts, weather, normal, domain=domain_of(weather), metrics=metrics)
    assert set(result.metrics) == {"rmse", "crps"}
    score = next(result.scores())
    assert score.values["crps"]["model"] == pytest.approx(1.0, abs=0.02)  # (1 + 3) / 2 - 4 / 4
    assert score.rmse["model"] == pytest.approx(1.0, abs=0.02)
    row = result.as_json()[0]
    assert row["crps"]["persistence"] > 0
    assert "bias" not in row


def test_overall_scores_are_the_means_over_starts_to_the_bit(weather, normal, domain_of) -> None:
    starts = weather.times[60:73]
    rng = np.random.default_rng(0)
    forecasts = [
        [
            State(start, lead, weather.read([start + lead])[0] + rng.normal(size=(1, 1, 2)).astype("f4"))
            for lead in 6 * HOUR * np.arange(1, 4)
        ]
        for start in starts
    ]
    result = evaluate(forecasts, weather, normal, domain=domain_of(weather))
    for name, values in result.metrics.items():
        for who in ("model", "persistence", "climatology"):
            expected = values.by_start[who].mean(axis=0)
            np.testing.assert_array_equal(values.overall[who], expected, err_msg=f"{name} of {who}")


def test_references_count_as_members_that_are_all_the_same(weather, normal, domain_of) -> None:
    start = day("2025-12-16")
    truth = weather.read([start + 6 * HOUR])[0]
    members = np.concatenate([truth - 1, truth + 3])
    metrics = {
        "fair": partial(ContinuousRankedProbabilityScore, fair=True),
        "plain": ContinuousRankedProbabilityScore,
        "spread": Spread,
    }
    forecasts = [[State(start, 6 * HOUR, members)]]
    result = evaluate(forecasts, weather, normal, domain=domain_of(weather), metrics=metrics)
    score = next(result.scores())
    assert score.values["fair"]["model"] == pytest.approx(0.0, abs=0.02)  # (1 + 3) / 2 - 4 / 2
    assert score.values["spread"]["model"] == pytest.approx((3 / 2 * 8) ** 0.5, rel=0.01)
    for who in ("persistence", "climatology"):
        assert score.values["fair"][who] == pytest.approx(score.values["plain"][who])  # the absolute error
        assert score.values["spread"][who] == 0
