"""Which forecasts to verify: those whose every lead time lies within the test period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date, format_duration, parse_date
from numpy.typing import NDArray

Offsets = NDArray[np.timedelta64]


@dataclass(frozen=True)
class Period:
    """From ``start`` to ``end``, both included."""

    start: np.datetime64
    end: np.datetime64

    def overlaps(self, other: Period) -> bool:
        """Whether some time lies in both."""
        return bool(self.start <= other.end and other.start <= self.end)

    def __str__(self) -> str:
        return f"{format_date(self.start)} to {format_date(self.end)}"


def training_period(provenance: Mapping[str, Any]) -> Period | None:
    """Find the period that a checkpoint was trained on in its provenance; None if it is not said."""
    period = provenance.get("training_period")
    return Period(parse_date(period["start"]), parse_date(period["end"])) if period else None


def test_start(
    configuration: Mapping[str, Any], training: Period, frequency: np.timedelta64
) -> np.datetime64:
    """Find the first date that a training has looked at in no way, neither for its weights nor to judge them.

    Parameters
    ----------
    configuration
        Of the training: ``dates.test.start`` is it; or else it follows ``dates.validation.end``.
    training
        What it follows without those.
    frequency
        Of the data.
    """
    dates = configuration.get("dates") or {}
    test, validation = (dates.get(name) or {} for name in ("test", "validation"))
    if test.get("start"):
        return parse_date(str(test["start"]))
    validated = validation.get("start") and validation.get("end")
    last = max(training.end, parse_date(str(validation["end"]))) if validated else training.end
    return np.datetime64(last + frequency)


def start_dates(
    period: Period, needed: Sequence[tuple[DataSource, Offsets]], lead_time: np.timedelta64
) -> Times:
    """Find the times in ``period`` from which forecasts can be started and wholly verified.

    Parameters
    ----------
    period
        Where they and their last lead times must lie. What else is needed may lie outside.
    needed
        Each source, and when it must have a state relative to the start, ``(offsets,)`` timedelta64[s]: at
        the start and at all lead times for the truth, and at the times that the model reads.
    lead_time
        The longest.

    Raises
    ------
    DataError
        If there is no such time.
    """
    possible = []
    for source, offsets in needed:
        present = source.times[~np.isin(source.times, list(source.missing))]
        possible += [present - offset for offset in offsets]
    starts: Times = reduce(np.intersect1d, possible)
    starts = starts[(period.start <= starts) & (starts + lead_time <= period.end)]
    if not len(starts):
        first = max(source.times[0] for source, _ in needed)
        last = min(source.times[-1] for source, _ in needed)
        raise DataError(
            f"No forecast of {format_duration(lead_time)} fits inside the test period, {period}, "
            f"of data from {format_date(first)} to {format_date(last)}.",
            fix="Give a shorter --lead-time, or another period with --start and --end.",
        )
    return starts.astype("datetime64[s]")
