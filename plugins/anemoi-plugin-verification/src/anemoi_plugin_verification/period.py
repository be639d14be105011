"""Which forecasts to verify: those whose every lead time lies within the test period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date, format_duration, parse_date
from numpy.typing import NDArray


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


def start_dates(
    source: DataSource, period: Period, lead_times: NDArray[np.timedelta64], steps_before: int = 0
) -> Times:
    """Find the times of ``source`` in ``period`` from which a forecast can be started and wholly verified.

    Every lead time must fall on a state inside the period, and the ``steps_before`` states that the
    model needs before the start, which may lie before the period, must be there too.

    Raises
    ------
    DataError
        If there is no such time.
    """
    present = set(source.times[~np.isin(source.times, list(source.missing))].tolist())
    needed = np.concatenate([-source.frequency * np.arange(steps_before, -1, -1), lead_times])
    starts = [
        time
        for time in source.times
        if period.start <= time
        and time + lead_times.max() <= period.end
        and all(other in present for other in (time + needed).tolist())
    ]
    if not starts:
        raise DataError(
            f"No forecast of {format_duration(lead_times.max())} fits inside the test period, {period}, "
            f"of data from {format_date(source.times[0])} to {format_date(source.times[-1])}.",
            fix="Give a shorter --lead-time, or another period with --start and --end.",
        )
    return np.array(starts, "datetime64[s]")
