"""The checks of metrics."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.variable import Role, Variable
from anemoi_plugin_testing import (
    Check,
    NotApplicableError,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)

from .metric import Array, Metric

HOUR: Final = np.timedelta64(3600, "s")
LEAD_TIMES: Final = np.array([6, 12, 24]) * HOUR
VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("lsm", Role.FORCING, constant=True),
    Variable("t_850", units="K", level=850, level_type="pressure"),
    Variable("sst", units="K", may_be_missing=True),
    Variable("tp", Role.DIAGNOSTIC, units="m", accumulated=6 * HOUR),
)
SST: Final = 1
"""Its place among the outputs; it is NaN in some cells."""

ROWS, COLUMNS, DATES = 6, 8, 5
MISSING: Final = slice(10, 22)
REVERSED: Final = slice(None, None, -1)
TOLERANCE: Final = 1e-9
RUNS: Final = ("gives_scores",)


@dataclass(frozen=True)
class Sample:
    """The forecast from one date, as :meth:`.Metric.update` takes it."""

    forecast: Array
    truth: Array
    climatology: Array

    def give(self, metric: Metric) -> None:
        """Let a metric have it."""
        metric.update(self.forecast.copy(), self.truth.copy(), self.climatology.copy())


def _domain(*, points: slice = slice(None), outputs: slice = slice(None)) -> Domain:
    """A small one on a regular grid of the globe, its cells or its outputs in another order if asked."""
    latitudes, longitudes = np.meshgrid(
        np.linspace(75, -75, ROWS), 360 / COLUMNS * np.arange(COLUMNS), indexing="ij"
    )
    grid = Grid(latitudes.ravel()[points], longitudes.ravel()[points])
    variables = VARIABLES[:1] + VARIABLES[1:][outputs]
    size = len(variables)
    normal = Statistics(np.zeros(size), np.ones(size), np.full(size, -3.0), np.full(size, 3.0))
    lsm = (np.arange(ROWS * COLUMNS) % 3 == 0).astype(np.float32)[points]
    return Domain(variables, grid, 6 * HOUR, normal, normal, constants={"lsm": lsm})


def _samples(*, members: int = 3, error: float = 1.0) -> list[Sample]:
    """Forecasts whose members differ from the truth by about ``error``, from some dates."""
    rng = np.random.default_rng(0)
    shape = (DATES, len(LEAD_TIMES), ROWS * COLUMNS, len(VARIABLES) - 1)
    climatology = rng.normal(0, 5, shape)
    truth = climatology + rng.normal(0, 1, shape)
    truth[:, :, MISSING, SST] = np.nan
    errors = error * (0.8 + rng.normal(0, 0.6, (members, *shape)))
    forecast = np.moveaxis(np.nan_to_num(truth) + errors, 0, 2)
    return [Sample(*each) for each in zip(forecast, truth, climatology, strict=True)]


def _perfect(samples: Iterable[Sample]) -> list[Sample]:
    """The same with every member the truth."""
    return [
        replace(each, forecast=np.repeat(each.truth[:, None], each.forecast.shape[1], axis=1))
        for each in samples
    ]


def _build(subject: Subject, domain: Domain | None = None) -> Metric:
    metric: Metric = subject.build(domain=domain or _domain(), lead_times=LEAD_TIMES.copy())
    return metric


def _given(subject: Subject, samples: Iterable[Sample], domain: Domain | None = None) -> Metric:
    metric = _build(subject, domain)
    for sample in samples:
        sample.give(metric)
    return metric


def _scores(subject: Subject, samples: Iterable[Sample], domain: Domain | None = None) -> Array:
    return _given(subject, samples, domain).compute()


def _require_equal(found: Array, expected: Array, where: str) -> None:
    scale = max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
    same = np.isclose(found, expected, rtol=0.0, atol=TOLERANCE * scale, equal_nan=True)
    if not same.all():
        first = tuple(np.argwhere(~same)[0])
        require(False, f"{where}, it is {found[first]:.9g} instead of {expected[first]:.9g}")


@contract()
def builds(subject: Subject) -> None:
    """It is built from the domain and the lead times, by name, and its own options."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def says_how_to_read_it(subject: Subject) -> None:
    """It says which score is better, which is perfect, whether it has units, and the fewest members."""
    metric = _build(subject)
    require(metric.better in ("lower", "higher", "nearer", None), f"better is {metric.better!r}")
    require(metric.perfect is None or isinstance(metric.perfect, float), f"perfect is {metric.perfect!r}")
    require(isinstance(metric.in_units, bool), f"in_units is {metric.in_units!r}")
    least = metric.least_members
    require(isinstance(least, int) and 1 <= least <= 3, f"least_members is {least!r}, not 1, 2 or 3")
    require(metric.better != "nearer" or metric.perfect is not None, "nearer, but to no perfect score")


@contract(after=("builds",))
def gives_scores(subject: Subject) -> None:
    """Scores are ``(lead times, outputs)``, float64 and finite, for the fewest members and for several."""
    for members in sorted({_build(subject).least_members, 3}):
        scores = _scores(subject, _samples(members=members))
        wanted = (len(LEAD_TIMES), len(VARIABLES) - 1)
        require(isinstance(scores, np.ndarray), f"they are a {type(scores).__name__}")
        require(scores.shape == wanted, f"they have shape {scores.shape}, not {wanted}")
        require(scores.dtype == np.float64, f"they are {scores.dtype}")
        require(np.isfinite(scores).all(), f"with {members} members some are not finite")


@contract(after=(*RUNS, "says_how_to_read_it"))
def is_perfect_for_the_truth(subject: Subject) -> None:
    """A forecast whose every member is the truth has the perfect score."""
    perfect = _build(subject).perfect
    if perfect is None:
        raise NotApplicableError("no score is perfect")
    scores = _scores(subject, _perfect(_samples()))
    _require_equal(scores, np.full_like(scores, perfect), "for a perfect forecast")


@contract(after=(*RUNS, "says_how_to_read_it"))
def is_worse_for_a_worse_forecast(subject: Subject) -> None:
    """Errors three times as large have a score that is worse, in the sense that it declares."""
    metric = _build(subject)
    if metric.better is None:
        raise NotApplicableError("no score is better than another")
    good, bad = (_scores(subject, _samples(error=error)) for error in (1.0, 3.0))
    if metric.better == "nearer":
        good, bad = (np.abs(scores - (metric.perfect or 0.0)) for scores in (good, bad))
    worse = bad < good if metric.better == "higher" else bad > good
    first = tuple(np.argwhere(~worse)[0]) if not worse.all() else (0, 0)
    require(worse.all(), f"it goes from {good[first]:.6g} to {bad[first]:.6g}, and {metric.better} is better")


@contract(after=(*RUNS, "says_how_to_read_it"))
def has_the_units_that_it_declares(subject: Subject) -> None:
    """In units half as large scores with the units of the variable are twice as large, others not."""
    samples = _samples()
    doubled = [Sample(*(2 * field for field in vars(sample).values())) for sample in samples]
    scores, twice = _scores(subject, samples), _scores(subject, doubled)
    if _build(subject).in_units:
        _require_equal(twice, 2 * scores, "in units half as large")
    else:
        changed = np.isclose(twice, 2 * scores, rtol=1e-6) & (np.abs(scores) > 1e-6)
        require(not changed.all(), "in units half as large, all scores are twice as large")


@contract(after=RUNS)
def counts_every_date_alike(subject: Subject) -> None:
    """The order of dates does not matter."""
    samples = _samples()
    found = _scores(subject, [samples[k] for k in (3, 0, 4, 2, 1)])
    _require_equal(found, _scores(subject, samples), "in another order of dates")


def _merged(subject: Subject, shares: Iterable[Sequence[Sample]]) -> Array:
    """The scores of several metrics made one, each of which has seen a share of the dates."""
    first, *others = (_given(subject, share) for share in shares)
    for other in others:
        first.merge(other)
    return first.compute()


@contract(after=(*RUNS, "counts_every_date_alike"))
def merges(subject: Subject) -> None:
    """Metrics that have shared the dates out, in any way, give together what one gives of all of them."""
    samples = _samples()
    expected = _scores(subject, samples)
    for cut in range(DATES + 1):
        found = _merged(subject, (samples[:cut], samples[cut:]))
        _require_equal(found, expected, f"merged from {cut} and {DATES - cut} dates")
    _require_equal(_merged(subject, (samples[k::3] for k in range(3))), expected, "merged from three")


@contract(after=(*RUNS, "merges"))
def gives_details_of_scores(subject: Subject) -> None:
    """Details are arrays of ``(lead times, outputs, ...)``, of all dates where metrics are merged."""
    samples = _samples()
    whole, one, other = (_given(subject, each) for each in (samples, samples[:2], samples[2:]))
    one.merge(other)
    details, merged = whole.details(), one.details()
    require(details.keys() == merged.keys(), "merging changes their names")
    for name, found in details.items():
        start = (len(LEAD_TIMES), len(VARIABLES) - 1)
        require(found.shape[:2] == start, f"{name} has shape {found.shape}, not {start} and more")
        _require_equal(merged[name], found, f"{name} of merged metrics")


@contract(after=(*RUNS, "merges"))
def leaves_what_it_merges_alone(subject: Subject) -> None:
    """A metric that was merged into another is the same after as before, and shares nothing with it."""
    samples = _samples()
    one, other = _given(subject, samples[:2]), _given(subject, samples[2:])
    before = other.compute().copy()
    one.merge(other)
    samples[0].give(one)
    _require_equal(other.compute(), before, "after it was merged into another")


@contract(after=(*RUNS, "merges"))
def crosses_processes(subject: Subject) -> None:
    """It can be pickled, as it is when processes share the dates out."""
    samples = _samples()
    try:
        parts = [pickle.loads(pickle.dumps(_given(subject, part))) for part in (samples[:2], samples[2:])]
    except Exception as error:
        require(False, f"pickling failed with {type(error).__name__}: {error}")
    parts[0].merge(parts[1])
    _require_equal(parts[0].compute(), _scores(subject, samples), "after pickling")


@contract(after=RUNS)
def can_be_computed_at_any_time(subject: Subject) -> None:
    """Computing changes nothing: dates may follow, and what was computed before stays as it was."""
    samples = _samples()
    metric = _given(subject, samples[:2])
    early = metric.compute()
    kept = early.copy()
    for sample in samples[2:]:
        sample.give(metric)
    _require_equal(early, kept, "after more dates, what was computed before")
    expected = _scores(subject, samples)
    _require_equal(metric.compute(), expected, "computed once before")
    _require_equal(metric.compute(), expected, "computed twice")


@contract(after=RUNS)
def keeps_lead_times_apart(subject: Subject) -> None:
    """What is forecast for one lead time does not change the scores of the others."""
    samples = _samples()
    changed = [replace(sample, forecast=sample.forecast.copy()) for sample in samples]
    for sample in changed:
        sample.forecast[1] += 10.0
    others = [0, 2]
    found, expected = (_scores(subject, each)[others] for each in (changed, samples))
    _require_equal(found, expected, "with another forecast for another lead time")


@contract(after=RUNS)
def leaves_out_cells_without_truth(subject: Subject) -> None:
    """Where the truth is NaN, neither the forecast nor the climatology matters, NaN or not."""
    samples = _samples()
    expected = _scores(subject, samples)
    for value in (1e6, np.nan):
        changed = [Sample(*(field.copy() for field in vars(sample).values())) for sample in samples]
        for sample in changed:
            sample.forecast[:, :, MISSING, SST] = value
            sample.climatology[:, MISSING, SST] = value
        _require_equal(_scores(subject, changed), expected, f"with {value:g} where there is no truth")


@contract(after=(*RUNS, "keeps_lead_times_apart"))
def passes_over_dates_without_truth(subject: Subject) -> None:
    """A date without any truth of a variable is as if it had not been, and with no other the score is NaN."""
    samples = _samples()
    gone = replace(samples[0], truth=samples[0].truth.copy())
    gone.truth[1, :, 0] = np.nan
    expected = _scores(subject, samples)
    expected[1, 0] = _scores(subject, samples[1:])[1, 0]
    _require_equal(_scores(subject, [gone, *samples[1:]]), expected, "beside a date without truth")
    alone = _scores(subject, [gone])[1, 0]
    require(np.isnan(alone), f"without any truth, it is {alone:.6g}")


@contract(after=RUNS)
def shows_a_forecast_of_nan(subject: Subject) -> None:
    """A forecast that is NaN where there is truth makes it NaN: a diverged model must not look good."""
    samples = _samples()
    for member in range(samples[0].forecast.shape[1]):
        broken = replace(samples[0], forecast=samples[0].forecast.copy())
        broken.forecast[1, member, 3, 0] = np.nan
        score = _scores(subject, [broken, *samples[1:]])[1, 0]
        require(np.isnan(score), f"it is {score:.6g}")


@contract(after=RUNS)
def follows_the_cells(subject: Subject) -> None:
    """The same cells in another order have the same scores."""
    samples = _samples()
    turned = [Sample(*(field[..., REVERSED, :] for field in vars(sample).values())) for sample in samples]
    found = _scores(subject, turned, _domain(points=REVERSED))
    _require_equal(found, _scores(subject, samples), "with cells in another order")


@contract(after=RUNS)
def follows_the_variables(subject: Subject) -> None:
    """The same variables in another order have the same scores in that order."""
    samples = _samples()
    turned = [Sample(*(field[..., REVERSED] for field in vars(sample).values())) for sample in samples]
    found = _scores(subject, turned, _domain(outputs=REVERSED))
    _require_equal(found[:, REVERSED], _scores(subject, samples), "with variables in another order")


@contract(after=RUNS)
def computes_in_float64(subject: Subject) -> None:
    """A forecast in float32 has the score of the same numbers in float64, however large they are."""
    samples = []
    for sample in _samples():
        # As pressure: five digits of it are the same everywhere.
        fields = {name: field + 1e5 for name, field in vars(sample).items()}
        samples.append(Sample(**fields))
    single = [replace(sample, forecast=sample.forecast.astype(np.float32)) for sample in samples]
    double = [replace(sample, forecast=sample.forecast.astype(np.float64)) for sample in single]
    _require_equal(_scores(subject, single), _scores(subject, double), "of a forecast in float32")


@contract(after=RUNS)
def is_the_same_every_time(subject: Subject) -> None:
    """Two that see the same forecasts give the same scores, to the bit."""
    one, other = (_scores(subject, _samples()) for _ in range(2))
    require(np.array_equal(one, other, equal_nan=True), "the second one differs")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """Forecast, truth and climatology are the same after as before, and are not needed any more."""
    samples = _samples()
    metric = _build(subject)
    for sample in samples:
        given = [field.copy() for field in vars(sample).values()]
        metric.update(*given)
        for name, before, field in zip(vars(sample), vars(sample).values(), given, strict=True):
            require(np.array_equal(field, before, equal_nan=True), f"the {name} was written to")
            field.fill(-1.0)
    _require_equal(metric.compute(), _scores(subject, samples), "after the arrays were used for other things")


@contract(after=(*RUNS, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    found, expected = (_scores(each, _samples()) for each in (written, subject))
    require(np.array_equal(found, expected, equal_nan=True), "with the defaults written out it differs")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    says_how_to_read_it,
    gives_scores,
    is_perfect_for_the_truth,
    is_worse_for_a_worse_forecast,
    has_the_units_that_it_declares,
    counts_every_date_alike,
    merges,
    gives_details_of_scores,
    leaves_what_it_merges_alone,
    crosses_processes,
    can_be_computed_at_any_time,
    keeps_lead_times_apart,
    leaves_out_cells_without_truth,
    passes_over_dates_without_truth,
    shows_a_forecast_of_nan,
    follows_the_cells,
    follows_the_variables,
    computes_in_float64,
    is_the_same_every_time,
    leaves_its_input_alone,
    options_survive_a_configuration,
)
