"""A checkpoint verified: which forecasts to make, make them, score them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.checkpoint import Checkpoint, build_model
from anemoi.core.errors import DataError
from anemoi.core.forecasting import forecast, lead_times
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import State
from anemoi.core.model.assembly import INPUT_STEPS
from anemoi.core.provenance import provenance
from anemoi.core.times import parse_date

from .climatology import Climatology, climatology
from .evaluation import CLIMATOLOGY, MODEL, Evaluation, evaluate
from .period import Period, start_dates, training_period

Progress = Callable[[int, int], None]
"""Told how many of how many forecasts are done."""


@dataclass(frozen=True)
class Verification:
    """What is verified, and how it came out.

    Parameters
    ----------
    checkpoint, source
        The model, and the truth.
    training
        The period that the model was trained on, where the checkpoint says so.
    period
        The test period.
    climatology
        Of the training period; where that is not known, of the data before the test period.
    evaluation
        The scores.
    provenance
        Where a report of it comes from, as JSON: from the checkpoint and the data. All reports have one.
    """

    checkpoint: Checkpoint
    source: DataSource
    training: Period | None
    period: Period
    climatology: Climatology
    evaluation: Evaluation
    provenance: Mapping[str, Any]

    @property
    def is_independent(self) -> bool:
        """Whether the model has seen nothing of the test period in its training."""
        return self.training is not None and not self.training.overlaps(self.period)

    @property
    def typical_start(self) -> np.datetime64:
        """The start date whose forecast is neither better nor worse than most, at the longest lead time.

        It is the median of the error relative to climatology, the mean over variables.
        """
        error, normal = (self.evaluation.rmse[who][:, -1] for who in (MODEL, CLIMATOLOGY))
        relative = (error / np.maximum(normal.mean(axis=0), np.finfo(float).tiny)).mean(axis=1)
        return np.datetime64(self.evaluation.starts[np.argsort(relative)[(len(relative) - 1) // 2]])


def verify(
    checkpoint: Checkpoint,
    source: DataSource,
    *,
    start: str | np.datetime64 | None = None,
    end: str | np.datetime64 | None = None,
    lead_time: str | np.timedelta64 = "48h",
    device: str = "cpu",
    trust_code: bool = False,
    allow_different_versions: bool = False,
    progress: Progress = lambda done, total: None,
) -> Verification:
    """Make every forecast that lies wholly inside the test period, and score it.

    Parameters
    ----------
    checkpoint
        The model.
    source
        The initial states and the truth, and the states of the training period for the climatology.
    start, end
        The test period, both included; by default all that ``source`` has after the training period.
    lead_time
        How far to forecast.
    device, trust_code, allow_different_versions
        As for :func:`anemoi.core.forecasting.forecast`.
    progress
        Told of each forecast that is done.

    Raises
    ------
    AnemoiError
        If the checkpoint or the source will not do, or no forecast fits inside the period.
    """
    _check_fits(checkpoint, source)
    training = training_period(checkpoint.provenance)
    period = _test_period(source, training, start, end)
    leads = lead_times(checkpoint, lead_time)
    starts = start_dates(source, period, leads, steps_before=INPUT_STEPS - 1)
    past = training or Period(source.times[0], period.start - source.frequency)
    model = build_model(checkpoint, trust_code=trust_code, allow_different_versions=allow_different_versions)
    normal = climatology(source, checkpoint.variables, past.start, past.end)

    def forecasts() -> Iterator[Iterable[State]]:
        for done, date in enumerate(starts):
            progress(done, len(starts))
            yield forecast(
                checkpoint,
                source,
                date,
                leads[-1],
                device=device,
                model=model,
            )
        progress(len(starts), len(starts))

    units = {**source.units, **checkpoint.units}
    evaluation = evaluate(forecasts(), source, normal, variables=checkpoint.variables, units=units)
    made = provenance(
        kind="report",
        identity=str(uuid.uuid4()),
        parents=[checkpoint.as_parent(), {**source.provenance, "kind": "dataset"}],
    )
    return Verification(checkpoint, source, training, period, normal, evaluation, made)


def _check_fits(checkpoint: Checkpoint, source: DataSource) -> None:
    fix = "Name the data that the model is to be verified against with --source."
    if absent := [name for name in checkpoint.variables if name not in source.variables]:
        raise DataError(
            f"The data have no {', '.join(absent)}, which the checkpoint forecasts; "
            f"they have {', '.join(source.variables)}.",
            fix=fix,
        )
    if not checkpoint.grid.matches(source.grid):
        raise DataError(
            f"The data are on another grid, of {len(source.grid)} points, than the {len(checkpoint.grid)} "
            "of the checkpoint, or in another order.",
            fix=fix,
        )


def _test_period(
    source: DataSource,
    training: Period | None,
    start: str | np.datetime64 | None,
    end: str | np.datetime64 | None,
) -> Period:
    last = source.times[-1] if end is None else parse_date(end)
    if start is not None:
        return Period(parse_date(start), last)
    if training is None:
        raise DataError(
            "The checkpoint does not say which period it was trained on, so the test period is unknown.",
            fix="Give the first start date that the model has not seen: --start DATE",
        )
    return Period(training.end + source.frequency, last)
