"""A checkpoint verified: which forecasts to make, make them, score them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.checkpoint import Checkpoint, build_model
from anemoi.core.errors import DataError
from anemoi.core.forecasting import Sources, by_domain, check_sources, lead_times
from anemoi.core.forecasting.initial import LeadTimes, step_count
from anemoi.core.forecasting.members import check_members, seeds_of
from anemoi.core.forecasting.perturbing import check_earlier
from anemoi.core.forecasting.plausible import LIMIT
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.interfaces.perturbation import Perturbation
from anemoi.core.provenance import provenance
from anemoi.core.times import parse_date, parse_duration

from .area import Area
from .checks import check_fits, check_metrics, check_truth
from .climatology import Climatology
from .evaluation import STANDARD, Metrics
from .period import Offsets, Period, start_dates, test_start, training_period
from .references import lagged_offsets, mean_state, past_period
from .scores import CLIMATOLOGY, MODEL, PERSISTENCE, Evaluation
from .scoring import Plan, Spread, scores_here, scores_on

Progress = Callable[[int, int], None]
"""Told how many of how many forecasts are done."""


@dataclass(frozen=True)
class VerifiedDomain:
    """How the forecasts of one domain came out.

    Parameters
    ----------
    source
        The truth.
    climatology
        Of the training period; where that is not known, of the data before the test period. None if there is
        none.
    evaluation
        The scores.
    why_without
        Why there is no climatology.
    """

    source: DataSource
    climatology: Climatology | None
    evaluation: Evaluation
    why_without: str | None = None


@dataclass(frozen=True)
class Verification:
    """What is verified, and how it came out.

    Parameters
    ----------
    checkpoint
        The model.
    training
        The period that the model was trained on, where the checkpoint says so.
    period
        The test period.
    domains
        The domains that the model forecasts, by name.
    provenance
        Where a report of it comes from, as JSON: from the checkpoint and the data. All reports have one.
    area
        Whose cells are scored; all if None.
    """

    checkpoint: Checkpoint
    training: Period | None
    period: Period
    domains: Mapping[str, VerifiedDomain]
    provenance: Mapping[str, Any]
    area: Area | None = None

    @property
    def domain(self) -> VerifiedDomain:
        """The domain, of a model that forecasts one.

        Raises
        ------
        DataError
            If it forecasts several.
        """
        if len(self.domains) != 1:
            raise DataError(f"The model forecasts several domains: {', '.join(self.domains)}.")
        return next(iter(self.domains.values()))

    @property
    def starts(self) -> Times:
        """When the forecasts start, ``(starts,)``."""
        return next(iter(self.domains.values())).evaluation.starts

    @property
    def is_independent(self) -> bool:
        """Whether the model has seen nothing of the test period in its training."""
        return self.training is not None and not self.training.overlaps(self.period)

    @property
    def typical_start(self) -> np.datetime64:
        """The start date whose forecast is neither better nor worse than most, at the longest lead time.

        It is the median of the error relative to climatology, the mean over variables; without a climatology
        relative to persistence.
        """
        errors = []
        for domain in self.domains.values():
            by_start = domain.evaluation.rmse.by_start
            reference = PERSISTENCE if domain.climatology is None else CLIMATOLOGY
            error, normal = (by_start[who][:, -1] for who in (MODEL, reference))
            errors.append(error / np.maximum(normal.mean(axis=0), np.finfo(float).tiny))
        relative = np.concatenate(errors, axis=1)  # (starts, variables of all domains)
        known = np.isfinite(relative)
        mean = np.where(known, relative, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return np.datetime64(self.starts[np.argsort(mean)[(len(mean) - 1) // 2]])


def verify(
    checkpoint: Checkpoint,
    source: DataSource | Sources,
    *,
    start: str | np.datetime64 | None = None,
    end: str | np.datetime64 | None = None,
    lead_time: str | np.timedelta64 = "48h",
    metrics: Metrics = STANDARD,
    area: Area | None = None,
    members: int = 1,
    persist: Collection[str] = (),
    seed: int = 0,
    perturbation: Perturbation | None = None,
    lagged: int = 1,
    limit: float = LIMIT,
    allow_unusual: Collection[str] = (),
    climatology: DataSource | Sources | None = None,
    device: str = "cpu",
    trust_code: bool = False,
    allow_different_versions: bool = False,
    example: np.datetime64 | None = None,
    spread: Spread | None = None,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Make every forecast that lies wholly inside the test period, and score it.

    Parameters
    ----------
    checkpoint
        The model.
    source
        The initial states, the forcings and the truth, and the states of the training period for the
        climatology, where it has any; of a checkpoint with several domains one for each, by name.
    start, end
        The test period, both included; by default all that ``source`` has after the training period.
    lead_time
        How far to forecast.
    metrics
        What is computed besides the root-mean-square error.
    area
        Whose cells are scored; all if None.
    climatology
        What the climatology is the mean of, where that is not ``source``: its states of the training period,
        or all that it has.
    lagged
        How many forecasts make the lagged ensemble, a reference: the first member of that from the start, and
        of those from one step earlier each, valid at the same times. None is made of one.
    members, persist, seed, perturbation, limit, allow_unusual, device, trust_code, allow_different_versions
        As for :func:`anemoi.core.forecasting.forecast`.
    example
        The start of a forecast that is to be drawn: refused where the sources do not have its states.
    spread
        The cluster that makes and scores the forecasts, to the same numbers; None makes them here.
    progress
        Told of each forecast that is done.

    Raises
    ------
    AnemoiError
        If the checkpoint, the sources or a metric will not do, or no forecast fits inside the period; before
        anything is computed.
    """
    sources = by_domain(checkpoint, source)
    leads, last = lead_times(checkpoint, lead_time), parse_duration(lead_time)
    for name in leads:
        check_fits(checkpoint.domains[name], sources[name])
    training = training_period(checkpoint.provenance)
    period = _test_period([sources[name] for name in leads], checkpoint.configuration, training, start, end)
    count = step_count(checkpoint, last)
    needed = [
        (sources[name], _offsets(checkpoint, name, leads, count, persist, lagged))
        for name in checkpoint.domains
    ]
    starts = start_dates(period, [each for each in needed if len(each[1])], last)
    drawn = [] if example is None else [example]
    check_sources(checkpoint, sources, [*starts, *drawn], count=count, persist=persist)
    check_earlier(checkpoint, sources, [*starts, *drawn], perturbation, members, persist)
    for name in leads if drawn else ():
        check_truth(sources[name], drawn[0] + np.append(np.timedelta64(0, "s"), leads[name]))
    for name in leads:
        check_metrics(metrics, checkpoint.domains[name], leads[name], members)
    building = {"trust_code": trust_code, "allow_different_versions": allow_different_versions}
    model = build_model(checkpoint, **building)
    check_members(model, sources, starts[0], seeds_of(seed, members), perturbed=perturbation is not None)
    of_past = sources if climatology is None else by_domain(checkpoint, climatology)
    past: dict[str, Period | None] = {}
    normals: dict[str, Climatology | None] = {}
    for name in leads:
        domain, origin = checkpoint.domains[name], of_past[name]
        check_fits(domain, origin)
        past[name] = found = past_period(origin, training, period, of_its_own=climatology is not None)
        normals[name] = None if found is None else mean_state(domain, origin, found)
    how = {
        "members": members,
        "persist": persist,
        "seed": seed,
        "perturbation": perturbation,
        "limit": limit,
        "allow_unusual": allow_unusual,
        "device": device,
    }
    plan = Plan(
        climatologies=normals,
        past=past,
        metrics=metrics,
        lead_time=last,
        how=how,
        building=building,
        area=area,
        lagged=lagged,
    )
    evaluators = plan.evaluators(checkpoint, sources, of_past)
    progress(0, len(starts))
    if spread is None:
        scores = scores_here(checkpoint, model, sources, plan, starts, evaluators)
    else:
        scores = scores_on(spread, checkpoint, plan, starts)
    for done, scored in enumerate(scores, 1):
        for name, evaluator in evaluators.items():
            evaluator.take(scored[name])
        progress(done, len(starts))
    made = provenance(
        kind="report",
        identity=str(uuid.uuid4()),
        parents=[
            checkpoint.as_parent(),
            *({**sources[name].provenance, "kind": "dataset"} for name in checkpoint.domains),
        ],
    )
    verified = {
        name: VerifiedDomain(
            sources[name],
            normals[name],
            evaluator.evaluation(),
            None
            if normals[name] is not None
            else f"the data have no state in the training period, {training}, which it would be the mean of",
        )
        for name, evaluator in evaluators.items()
    }
    return Verification(checkpoint, training, period, verified, made, area)


def _test_period(
    sources: Sequence[DataSource],
    configuration: Mapping[str, Any],
    training: Period | None,
    start: str | np.datetime64 | None,
    end: str | np.datetime64 | None,
) -> Period:
    last = min(source.times[-1] for source in sources) if end is None else parse_date(end)
    if start is not None:
        return Period(parse_date(start), last)
    if training is None:
        raise DataError(
            "The checkpoint does not say which period it was trained on, so the test period is unknown.",
            fix="Give the first start date that the model has not seen: --start DATE",
        )
    frequency = min(source.frequency for source in sources)
    return Period(test_start(configuration, training, frequency), last)


def _offsets(
    checkpoint: Checkpoint, name: str, leads: LeadTimes, count: int, persist: Collection[str], lagged: int
) -> Offsets:
    """When the source of a domain must have states, relative to the start: for forecasts and as the truth."""
    offsets = set(lagged_offsets(checkpoint, name, count, persist, lagged))
    if name in leads:
        offsets |= {np.timedelta64(0, "s"), *leads[name]}
    return np.array(sorted(offsets), "timedelta64[s]")
