"""A source whose states hold until the next: how a slow domain meets a fast one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .delegating import DelegatingSource
from .domain import Statistics
from .errors import DataError
from .interfaces.data_source import DataSource, Times
from .times import format_date, format_duration, parse_duration


def held(source: DataSource, frequency: str | None) -> DataSource:
    """Give states of ``source`` every ``frequency``; the source itself if that is None or its own.

    Raises
    ------
    DataError
        If neither of the two durations is a multiple of the other.
    """
    if frequency is None or (wanted := parse_duration(frequency)) == source.frequency:
        return source
    if source.frequency % wanted and wanted % source.frequency:
        raise DataError(
            f"States {format_duration(source.frequency)} apart cannot be held for {format_duration(wanted)}.",
            fix=f"Choose a frequency that divides {format_duration(source.frequency)}, or a multiple of it.",
        )
    return Held(source, wanted)


class Held(DelegatingSource[DataSource]):
    """The states of a source at another frequency: at each time, the last one there is.

    Parameters
    ----------
    source
        Where the states are.
    frequency
        The time from one state to the next.
    """

    def __init__(self, source: DataSource, frequency: np.timedelta64) -> None:
        super().__init__(source)
        self._frequency = frequency

    @property
    def times(self) -> Times:
        """From the first time of the source to where its last state ends."""
        source = self._source
        end = source.times[-1] + source.frequency
        return np.arange(source.times[0], end, self._frequency).astype("datetime64[s]")

    @property
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""
        return self._frequency

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """None are known: those of the source are between other states."""
        return {}

    @property
    def statistics_period(self) -> None:
        """Nobody knows, as of changes."""
        return None

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those times at which the last state of the source is missing."""
        gaps = self._source.missing
        return frozenset(time for time in self.times if self._last(time) in gaps) if gaps else gaps

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source, and the frequency."""
        return {**self._source.provenance, "held": format_duration(self._frequency)}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the last state at or before each of ``times``; see :meth:`DataSource.read`."""
        wanted, known = np.asarray(times, "datetime64[s]"), self.times
        if outside := [time for time in wanted if not known[0] <= time <= known[-1]]:
            raise DataError(
                f"There is no state at {format_date(outside[0])}.",
                fix=f"There are states from {format_date(known[0])} to {format_date(known[-1])}.",
            )
        last = np.array([self._last(time) for time in wanted])
        unique, place = np.unique(last, return_inverse=True)
        return np.asarray(self._source.read(unique)[place])

    def _last(self, time: np.datetime64) -> np.datetime64:
        """The time of the last state at or before ``time``."""
        source = self._source
        number = int((time - source.times[0]) // source.frequency)
        return np.datetime64(source.times[0] + number * source.frequency, "s")
