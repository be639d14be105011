"""A wrong metric is caught by the check that names its fault, and no other; a right one by none."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi_plugin_testing import check, checks

from anemoi_plugin_verification import DateMean, Metric
from anemoi_plugin_verification.formulas import area_mean, rmse
from anemoi_plugin_verification.metrics import (
    AnomalyCorrelation,
    Bias,
    ContinuousRankedProbabilityScore,
    RootMeanSquareError,
)

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class AbsoluteDifference(DateMean):
    """As a third party writes one: the mean absolute error of the ensemble mean, to some power."""

    perfect = 0.0
    better = "lower"
    in_units = True

    def __init__(self, *, domain, lead_times, power: float = 1.0):
        super().__init__(domain=domain, lead_times=lead_times)
        self.power = power

    def score(self, forecast, truth, climatology):
        error = np.abs(forecast.astype(float).mean(axis=1) - truth) ** self.power
        return area_mean(error, self.areas, ~np.isnan(truth)) ** (1 / self.power)


class SpreadOverSkill(Metric):
    """As a third party writes one: a ratio that is no mean over dates."""

    def __init__(self, *, domain, lead_times):
        self.areas = domain.grid.areas
        self.sums = np.zeros((2, len(lead_times), len(domain.outputs)))

    def update(self, forecast, truth, climatology):
        spread = forecast.astype(float).var(axis=1)
        error = (forecast.astype(float).mean(axis=1) - truth) ** 2
        known = ~np.isnan(truth)
        terms = np.stack([area_mean(each, self.areas, known) for each in (spread, error)])
        self.sums += np.where(known.any(axis=1), terms, 0.0)

    def merge(self, other):
        self.sums += other.sums

    def compute(self):
        spread, error = self.sums
        return np.sqrt(np.divide(spread, error, out=np.full_like(error, np.nan), where=error > 0))


@caught_by("options_are_declared")
class UntypedOption(AbsoluteDifference):
    def __init__(self, *, domain, lead_times, power=1.0):
        super().__init__(domain=domain, lead_times=lead_times, power=power)


@caught_by("builds")
class Fails(AbsoluteDifference):
    def __init__(self, *, domain, lead_times):
        raise RuntimeError("no")


@caught_by("says_how_to_read_it")
class BetterOne(AbsoluteDifference):
    better = "smaller"


@caught_by("says_how_to_read_it")
class NearerToNothing(AbsoluteDifference):
    better, perfect = "nearer", None


@caught_by("gives_scores")
class OfAllVariables(AbsoluteDifference):
    def compute(self):
        return np.concatenate([np.zeros((3, 1)), super().compute()], axis=1)


@caught_by("gives_scores")
class InSinglePrecision(AbsoluteDifference):
    def compute(self):
        return super().compute().astype(np.float32)


@caught_by("gives_scores")
class OfTwoMembersAtLeast(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        return super().score(forecast, truth, climatology) * (np.nan if forecast.shape[1] == 1 else 1)


@caught_by("is_perfect_for_the_truth")
class PerfectIsOne(AbsoluteDifference):
    perfect = 1.0


@caught_by("is_perfect_for_the_truth")
class PartlyOfTheClimatology(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        return super().score(forecast, truth, climatology) + 0.1 * rmse(climatology, truth, self.areas)


@caught_by("is_worse_for_a_worse_forecast")
class TheOtherWayRound(AbsoluteDifference):
    better = "higher"


@caught_by("is_worse_for_a_worse_forecast")
class Saturated(AnomalyCorrelation):
    def score(self, forecast, truth, climatology):
        return np.minimum(super().score(forecast, truth, climatology), 1.0) * 0.0 + 1.0


@caught_by("has_the_units_that_it_declares")
class OfNoUnits(AbsoluteDifference):
    in_units = False


@caught_by("has_the_units_that_it_declares")
class Squared(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        return super().score(forecast, truth, climatology) ** 2


@caught_by("counts_every_date_alike")
class Weighted(AbsoluteDifference):
    """Later dates count more; merging knows of it."""

    def __init__(self, *, domain, lead_times):
        super().__init__(domain=domain, lead_times=lead_times)
        self.scores = []

    def update(self, forecast, truth, climatology):
        self.scores.append(np.where(np.isnan(truth).all(1), np.inf, self.score(forecast, truth, climatology)))

    def merge(self, other):
        self.scores += other.scores

    def compute(self):
        scores = np.stack([*self.scores, *([np.full((3, 3), np.inf)] if not self.scores else [])])
        # The k-th of n dates that have truth counts (k + n): no cut into shares changes it.
        known = ~np.isinf(scores)
        weights = np.where(known, np.cumsum(known, axis=0) + known.sum(axis=0), 0.0)
        total = np.where(known, scores, 0.0)
        none = np.full(scores.shape[1:], np.nan)
        return np.divide((weights * total).sum(0), weights.sum(0), out=none, where=weights.sum(0) > 0)


@caught_by("merges")
class MeanOfMeans(AbsoluteDifference):
    def merge(self, other):
        if (other._dates > 0).any():
            self._sum = (
                (self.compute() + other.compute()) / 2 if (self._dates > 0).any() else other._sum.copy()
            )
            self._dates = np.ones_like(self._dates)


@caught_by("merges")
class ForgetsDates(AbsoluteDifference):
    def merge(self, other):
        self._sum += other._sum


@caught_by("leaves_what_it_merges_alone")
class TakesAway(AbsoluteDifference):
    def merge(self, other):
        super().merge(other)
        other._sum[:], other._dates[:] = 0, 0


@caught_by("leaves_what_it_merges_alone")
class SharesItsSums(AbsoluteDifference):
    def merge(self, other):
        other._sum += self._sum
        other._dates += self._dates
        self._sum, self._dates = other._sum, other._dates


@caught_by("crosses_processes")
class HoldsAFunction(AbsoluteDifference):
    def __init__(self, *, domain, lead_times):
        super().__init__(domain=domain, lead_times=lead_times)
        self.weight = lambda area: area / 2


@caught_by("can_be_computed_at_any_time")
class ComputesInPlace(AbsoluteDifference):
    def compute(self):
        scores = super().compute()
        self._sum, self._dates = np.nan_to_num(scores), np.minimum(self._dates, 1)
        return scores


@caught_by("can_be_computed_at_any_time")
class GivesItsSumsAway(AbsoluteDifference):
    """It keeps the mean itself, and gives that very array."""

    def __init__(self, *, domain, lead_times):
        super().__init__(domain=domain, lead_times=lead_times)
        self.mean = super().compute()

    def update(self, forecast, truth, climatology):
        super().update(forecast, truth, climatology)
        self.mean[:] = super().compute()

    def merge(self, other):
        super().merge(other)
        self.mean[:] = super().compute()

    def compute(self):
        return self.mean


@caught_by("leaves_out_cells_without_truth")
class WithZeroForNothing(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        known = np.where(np.isnan(truth).all(axis=1, keepdims=True), np.nan, np.nan_to_num(truth))
        forecast = np.where(np.isnan(truth)[:, None], np.nan_to_num(forecast), forecast)
        return super().score(forecast, known, climatology)


@caught_by("leaves_out_cells_without_truth")
class SeesTheClimatologyThere(AbsoluteDifference):
    """It weights by an anomaly of nothing."""

    def score(self, forecast, truth, climatology):
        score = super().score(forecast, truth, climatology)
        return score * (1 + np.isnan(climatology).any(axis=1))


@caught_by("passes_over_dates_without_truth")
class CountsThemAsGood(AbsoluteDifference):
    def update(self, forecast, truth, climatology):
        self._sum += np.nan_to_num(self.score(forecast, truth, climatology), nan=0.0)
        self._dates += 1
        gone = np.isnan(forecast) & ~np.isnan(truth)[:, None]
        self._sum[gone.any(axis=(1, 2))] = np.nan


@caught_by("passes_over_dates_without_truth")
class SpoiltByThem(AbsoluteDifference):
    def update(self, forecast, truth, climatology):
        self._sum += self.score(forecast, truth, climatology)
        self._dates += 1


@caught_by("shows_a_forecast_of_nan")
class LeavesOutNan(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        mean = np.nanmean(np.where(np.isnan(truth)[:, None], 0.0, forecast.astype(float)), axis=1)
        return super().score(mean[:, None], truth, climatology)


@caught_by("shows_a_forecast_of_nan")
class OfTheFirstMember(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        return super().score(forecast[:, :1], truth, climatology)


@caught_by("keeps_lead_times_apart")
class FromTheStart(AbsoluteDifference):
    """The mean over all lead times up to each."""

    def compute(self):
        return np.cumsum(super().compute(), axis=0) / np.arange(1, 4)[:, None]


@caught_by("follows_the_cells")
class ByRow(AbsoluteDifference):
    """Takes it for granted that rows begin in the north."""

    def __init__(self, *, domain, lead_times):
        super().__init__(domain=domain, lead_times=lead_times)
        self.areas = np.linspace(1, 2, len(domain.grid))


@caught_by("follows_the_variables")
class InOrderOfVariables(AbsoluteDifference):
    def compute(self):
        return super().compute() * [1.0, 2.0, 3.0]


@caught_by("computes_in_float64")
class AsItComes(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        mean = forecast.mean(axis=1)  # float32 if the forecast is
        return super().score(
            (mean - truth.astype(forecast.dtype))[:, None] + truth[:, None], truth, climatology
        )


@caught_by("is_the_same_every_time")
class Bootstrap(AbsoluteDifference):
    def compute(self):
        return super().compute() * (1 + 1e-13 * np.random.default_rng().normal())


@caught_by("leaves_its_input_alone")
class WritesToTheTruth(AbsoluteDifference):
    def score(self, forecast, truth, climatology):
        score = super().score(forecast, truth, climatology)
        np.nan_to_num(truth, copy=False)
        return score


@caught_by("leaves_its_input_alone")
class KeepsTheArrays(AbsoluteDifference):
    def __init__(self, *, domain, lead_times):
        super().__init__(domain=domain, lead_times=lead_times)
        self.seen = []

    def update(self, forecast, truth, climatology):
        self.seen.append((forecast, truth, climatology))

    def merge(self, other):
        self.seen += other.seen

    def compute(self):
        self._sum, self._dates = 0 * self._sum, 0 * self._dates
        for each in self.seen:
            super().update(*each)
        return super().compute()


@caught_by("gives_details_of_scores")
class DetailsOfTheLastDate(AbsoluteDifference):
    last = None

    def update(self, forecast, truth, climatology):
        super().update(forecast, truth, climatology)
        self.last = self.score(forecast, truth, climatology)

    def details(self):
        return {} if self.last is None else {"last": self.last}

    def merge(self, other):
        super().merge(other)
        self.last = self.last if other.last is None else self._sum


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(AbsoluteDifference):
    def __init__(self, *, domain, lead_times, power: int = 1.5):
        super().__init__(domain=domain, lead_times=lead_times, power=power)


def failures(component):
    return {one.check: one.seen for one in check("metric", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_metric_is_caught_by_the_check_that_names_its_fault_alone(name, component) -> None:
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize(
    "component",
    [
        AbsoluteDifference,
        AnomalyCorrelation,
        Bias,
        ContinuousRankedProbabilityScore,
        RootMeanSquareError,
        SpreadOverSkill,
    ],
)
def test_a_right_metric_is_caught_by_none(component) -> None:
    assert failures(component) == {}


def test_every_check_catches_something() -> None:
    assert {each.name for each in checks("metric")} == {each.values[0] for each in WRONG}
