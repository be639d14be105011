from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces.output import State
from anemoi.core.variable import Role, Variable
from anemoi_plugin_sample_data.sources import Sample

from anemoi_plugin_verification.verification import verify


def test_the_errors_of_persistence_on_the_sample_are_the_known_ones(checkpoint, damped, domain_of) -> None:
    # The last 20 of its 104 states are for testing, so that forecasts of two days start from states 84 to 95.
    source = Sample()
    checkpoint.domains["data"] = domain_of(source)
    checkpoint.provenance["training_period"] = {"start": "2025-12-01T00", "end": "2025-12-21T18"}
    result = verify(checkpoint, source, lead_time="48h")
    assert list(result.domain.evaluation.starts) == list(source.times[84:96]) == damped
    scores = {score.lead_time / np.timedelta64(1, "h"): score for score in result.domain.evaluation.scores()}
    in_hpa = [scores[hours].rmse["persistence"] / 100 for hours in (6, 12, 24)]
    assert in_hpa == pytest.approx([2.27, 3.29, 5.05], abs=0.005)
    # half of the way to the truth has half of the error, for every start date
    assert scores[24].rmse["model"] == pytest.approx(scores[24].rmse["persistence"] / 2, rel=1e-3)
    assert scores[24].skill["persistence"] == pytest.approx(0.5, abs=1e-3)
    assert scores[24].starts_better_than_persistence == 12
    fields = source.read(source.times)[:, 0, :, 0].astype(float)
    weights = source.grid.areas / source.grid.areas.sum()
    normal = [fields[hour:84:4].mean(axis=0) for hour in range(4)]
    by_hand = [np.sqrt(((normal[(s + 4) % 4] - fields[s + 4]) ** 2) @ weights) for s in range(84, 96)]
    assert scores[24].rmse["climatology"] == pytest.approx(np.mean(by_hand), rel=1e-9)


def test_the_test_period_follows_the_training_period(checkpoint, weather, damped) -> None:
    result = verify(checkpoint, weather, lead_time="12h")
    assert str(result.period) == "2025-12-16T00 to 2025-12-20T18"
    assert result.is_independent
    assert (damped[0], damped[-1]) == (np.datetime64("2025-12-16"), np.datetime64("2025-12-20T06"))
    assert result.domain.climatology.end == np.datetime64("2025-12-15T18")


def later(array_source, weather, first: int):
    """The same weather from one state on, as another data set."""
    return array_source(
        weather._values[first:],
        weather.grid,
        weather.variables,
        first=str(weather.times[first]),
        units=weather.units,
    )


def test_data_without_the_training_period_are_verified_without_climatology(
    checkpoint, weather, damped, array_source
) -> None:
    whole = verify(checkpoint, weather, start="2025-12-17", lead_time="12h")
    damped.clear()
    result = verify(checkpoint, later(array_source, weather, 62), start="2025-12-17", lead_time="12h")
    assert result.domain.climatology is None
    assert "no state in the training period, 2025-12-01T00 to 2025-12-15T18" in result.domain.why_without
    for ours, theirs in zip(result.domain.evaluation.scores(), whole.domain.evaluation.scores(), strict=True):
        for who in ("model", "persistence"):
            assert ours.rmse[who] == pytest.approx(theirs.rmse[who])
        assert np.isnan(ours.rmse["climatology"])
        assert np.isnan(ours.values["acc"]["model"])
    assert result.typical_start in result.starts


def test_the_climatology_may_have_data_of_its_own(checkpoint, weather, damped, array_source) -> None:
    test = later(array_source, weather, 62)
    whole = verify(checkpoint, weather, start="2025-12-17", lead_time="12h")
    result = verify(checkpoint, test, start="2025-12-17", lead_time="12h", climatology=weather)
    for ours, theirs in zip(result.domain.evaluation.scores(), whole.domain.evaluation.scores(), strict=True):
        assert ours.rmse == pytest.approx(theirs.rmse)
        assert ours.values["acc"] == pytest.approx(theirs.values["acc"], nan_ok=True)
    # Of other years all that there is.
    other = verify(checkpoint, test, start="2025-12-17", lead_time="12h", climatology=test)
    assert other.domain.climatology.start == test.times[0]
    small = array_source(weather._values[..., :1], weather.grid, ("msl",))
    with pytest.raises(DataError, match="have no 2t"):
        verify(checkpoint, test, start="2025-12-17", lead_time="12h", climatology=small)


def test_a_period_that_was_trained_on_is_not_called_independent(checkpoint, weather, damped) -> None:
    result = verify(checkpoint, weather, start="2025-12-10", end="2025-12-12", lead_time="6h")
    assert not result.is_independent
    assert (damped[0], damped[-1]) == (np.datetime64("2025-12-10"), np.datetime64("2025-12-11T18"))


def test_without_a_known_training_period_the_user_must_give_the_test_period(
    checkpoint, weather, damped
) -> None:
    del checkpoint.provenance["training_period"]
    with pytest.raises(DataError, match="does not say which period") as error:
        verify(checkpoint, weather)
    assert "--start" in error.value.fix
    result = verify(checkpoint, weather, start="2025-12-18", lead_time="6h")
    assert not result.is_independent
    assert result.domain.climatology.end == np.datetime64("2025-12-17T18")  # all that precedes it


def test_progress_counts_the_forecasts(checkpoint, weather, damped) -> None:
    told = []
    verify(checkpoint, weather, start="2025-12-20", lead_time="6h", progress=lambda *of: told.append(of))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_the_typical_start_has_the_median_error(checkpoint, weather, damped) -> None:
    result = verify(checkpoint, weather, start="2025-12-20", lead_time="6h")
    model = np.array([[[1.0, 40.0]], [[9.0, 90.0]], [[2.0, 50.0]]])  # (start, lead time, variable)
    verified = result.domain
    by_start = {**verified.evaluation.rmse.by_start, "model": model}
    by_start["climatology"] = np.full((3, 1, 2), [10.0, 100.0])
    rmse = dataclasses.replace(verified.evaluation.rmse, by_start=by_start)
    evaluation = dataclasses.replace(verified.evaluation, metrics={"rmse": rmse})
    domains = {"data": dataclasses.replace(verified, evaluation=evaluation)}
    changed = dataclasses.replace(result, domains=domains)
    assert changed.typical_start == result.starts[2]
    model[2, 0] = [np.nan, 100.0]  # now it is the worst
    assert changed.typical_start == result.starts[1]


def test_what_the_model_is_told_reaches_it(checkpoint, weather, monkeypatch) -> None:
    built, told = [], {}
    model = SimpleNamespace(objective=SimpleNamespace(stochastic=False))
    perturbation = SimpleNamespace(starts=lambda step, members: ())

    def build(checkpoint, **how):
        built.append(how)
        return model

    def forecast(checkpoint, sources, date, lead_time, **how):
        told.update(how)
        return [State(date, np.timedelta64(6, "h"), sources["data"].read([date])[0])]

    monkeypatch.setattr("anemoi_plugin_verification.verification.build_model", build)
    monkeypatch.setattr("anemoi_plugin_verification.scoring.forecast", forecast)
    how = {"members": 3, "persist": (), "seed": 7, "device": "cuda", "limit": 3.0, "allow_unusual": ("msl",)}
    how["perturbation"] = perturbation
    verify(checkpoint, weather, lead_time="6h", trust_code=True, allow_different_versions=True, **how)
    assert told == {**how, "model": model}
    assert built == [{"trust_code": True, "allow_different_versions": True}]  # once, for all forecasts


def test_data_that_do_not_fit_the_checkpoint_are_refused(checkpoint, weather, array_source, lat_lon) -> None:
    other = array_source(weather._values[..., :1], weather.grid, ("msl",))
    with pytest.raises(DataError, match="have no 2t, which the checkpoint forecasts"):
        verify(checkpoint, other)
    grid = lat_lon(18.0)
    other = array_source(np.zeros((80, 1, len(grid), 2)), grid, weather.variables)
    with pytest.raises(DataError, match="on another grid"):
        verify(checkpoint, other)


def test_a_forcing_that_is_read_at_every_step_must_be_there_unless_it_is_persisted(
    checkpoint, weather, damped, domain_of
) -> None:
    forcing = Variable("2t", Role.FORCING)
    checkpoint.domains["data"] = domain_of(weather, Variable("msl"), forcing)
    weather._missing = frozenset(weather.times[[62]])  # 16 December 2025 12:00
    alone = {"start": "2025-12-16", "end": "2025-12-16T06", "lead_time": "6h"}
    result = verify(checkpoint, weather, **alone)
    assert [str(each) for each in damped] == ["2025-12-16T00:00:00"]
    assert result.domain.evaluation.variables == ("msl",)
    two = {"start": "2025-12-16T18", "end": "2025-12-17T18", "lead_time": "18h"}
    damped.clear()
    with pytest.raises(DataError, match="cannot be persisted: no forcing of that name"):
        verify(checkpoint, weather, **two, persist=["msl"])
    checkpoint.domains["data"] = domain_of(weather, Variable("msl", Role.DIAGNOSTIC), forcing)
    verify(checkpoint, weather, **two)
    assert [str(each) for each in damped] == ["2025-12-17T00:00:00"]  # the step before 16T18 is missing


def test_each_domain_is_verified_on_its_own_grid_against_its_own_source(coupled, weather, damped) -> None:
    checkpoint, ocean = coupled
    told = []
    sources = {"data": weather, "ocean": ocean}
    result = verify(checkpoint, sources, lead_time="12h", progress=lambda *of: told.append(of))
    assert list(result.domains) == ["data", "ocean"]
    assert told[-1] == (18, 18) == (len(damped), len(damped))
    for name, variables in (("data", ("msl", "2t")), ("ocean", ("sst",))):
        evaluation = result.domains[name].evaluation
        assert (evaluation.domain, evaluation.variables) == (name, variables)
        for score in evaluation.scores():
            assert score.skill["persistence"] == pytest.approx(0.5, abs=1e-3)
    assert [parent["kind"] for parent in result.provenance["parents"]] == ["checkpoint", "dataset", "dataset"]
    with pytest.raises(DataError, match="several domains: data, ocean"):
        _ = result.domain
    with pytest.raises(DataError, match="each needs a source"):
        verify(checkpoint, weather)


def test_starts_are_those_at_which_every_domain_has_its_states(coupled, weather, damped) -> None:
    checkpoint, ocean = coupled
    ocean._missing = frozenset(ocean.times[[70]])
    result = verify(checkpoint, {"data": weather, "ocean": ocean}, lead_time="6h", start="2025-12-18")
    spoilt = ocean.times[[69, 70, 71]]  # it is the truth, a start, or the state before a start
    assert set(result.starts) == set(weather.times[68:79]) - set(spoilt)


def test_a_metric_that_refuses_the_domain_does_so_before_anything_is_computed(
    checkpoint, weather, damped, monkeypatch
) -> None:
    def refused(**structure: Any) -> None:
        assert list(structure["lead_times"]) == list(np.arange(6, 54, 6) * np.timedelta64(3600, "s"))
        raise ConfigError("not of this domain")

    def computed(*arguments: Any, **options: Any) -> None:
        raise AssertionError

    for name in ("verification.build_model", "verification.mean_state", "scoring.forecast"):
        monkeypatch.setattr(f"anemoi_plugin_verification.{name}", computed)
    with pytest.raises(ConfigError, match="not of this domain"):
        verify(checkpoint, weather, metrics={"odd": refused})


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        ({"validation": {"start": "2025-12-16", "end": "2025-12-17T18"}}, "2025-12-18T00"),
        ({"validation": {"start": "2025-12-16", "end": None}}, "2025-12-16T00"),
        ({"validation": {"start": None, "end": "2025-12-17T18"}}, "2025-12-16T00"),
        (
            {"validation": {"start": "2025-12-16", "end": None}, "test": {"start": "2025-12-17"}},
            "2025-12-17T00",
        ),
    ],
)
def test_the_test_period_follows_what_was_validated_too(checkpoint, weather, damped, dates, first):
    checkpoint.configuration["dates"] = dates
    found = verify(checkpoint, weather, lead_time="12h")
    assert found.period.start == np.datetime64(first)
