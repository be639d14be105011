"""Some of the times of a source."""

from __future__ import annotations

import re

import numpy as np
from anemoi.core.errors import AnemoiError, ConfigError, DataError, NotThereError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration, parse_date, parse_duration
from numpy.typing import NDArray

from ..reader import Index, Reader
from .view import View

_PARTIAL_DATE = re.compile(r"\d{4}(-\d\d){0,2}")


class Period(View):
    """The times of a source from ``start`` to ``end``, both included, every ``frequency``.

    Parameters
    ----------
    source
        The source.
    start, end
        ISO dates; a year, a month or a day stands for all of it. None is where the source begins or ends.
    frequency
        A multiple of that of the source, counted from the first time. None is that of the source.

    Raises
    ------
    ConfigError
        If one of them cannot be read.
    NotThereError
        If no time is left.
    DataError
        If the frequency is no multiple.
    """

    def __init__(
        self,
        source: Reader,
        /,
        *,
        start: str | int | None = None,
        end: str | int | None = None,
        frequency: str | None = None,
    ) -> None:
        super().__init__(source)
        there = source.times
        require_period(start, end, frequency)
        first = there[0] if start is None else _span("start", start)[0]
        last = there[-1] if end is None else _span("end", end)[1]
        chosen = np.flatnonzero((there >= first) & (there <= last))
        if not len(chosen):
            raise NotThereError(
                f"{source} has no times from {format_date(first)} to {format_date(last)}.",
                fix=f"It reaches from {format_date(there[0])} to {format_date(there[-1])}: "
                "set start and end within.",
            )
        self._frequency = source.frequency if frequency is None else _duration("frequency", frequency)
        step, rest = divmod(self._frequency, source.frequency)
        if rest or step < 1:
            raise DataError(
                f"{source} has data every {format_duration(source.frequency)}, "
                f"from which {frequency} cannot be had.",
                fix="Set frequency to a multiple of that.",
            )
        self._chosen: NDArray[np.intp] = chosen[::step]
        self._times: Times = there[self._chosen]

    @property
    def times(self) -> Times:
        """Those chosen."""
        return self._times

    @property
    def frequency(self) -> np.timedelta64:
        """The one chosen."""
        return self._frequency

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """That of the source, if all of its times are chosen."""
        period = self._source.statistics_period
        if period is None or self._frequency != self._source.frequency:
            return None
        return period if self._times[0] <= period[0] and period[1] <= self._times[-1] else None

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those of the source that are chosen."""
        return self._source.missing & frozenset(self._times)

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read the times of the source that are meant."""
        self._source.fill(out, self._chosen[times], variables, cells)


def require_period(start: str | int | None, end: str | int | None, frequency: str | None) -> None:
    """Refuse dates and a frequency that cannot be read, or that no source could have.

    Raises
    ------
    ConfigError
        If so.
    """
    first = None if start is None else _span("start", start)[0]
    last = None if end is None else _span("end", end)[1]
    if first is not None and last is not None and first > last:
        raise ConfigError(f"end: {end} is before start, {start}.", fix="Write the first date first.")
    if frequency is not None:
        require_duration("frequency", frequency)


def require_duration(option: str, text: str) -> None:
    """Refuse a duration that cannot be read, or is none.

    Raises
    ------
    ConfigError
        If so: it names the option.
    """
    if not _duration(option, text):
        raise ConfigError(f"{option}: {text!r} is no time between states.", fix="Write 6h, say.")


def _span(name: str, date: str | int) -> tuple[np.datetime64, np.datetime64]:
    """Give the first and the last second of what ``date`` stands for."""
    text = str(date).strip()
    try:
        if not _PARTIAL_DATE.fullmatch(text):
            return parse_date(text), parse_date(text)
        period = np.datetime64(text)
        return period.astype("M8[s]"), (period + 1).astype("M8[s]") - np.timedelta64(1, "s")
    except (AnemoiError, ValueError):
        raise ConfigError(
            f"{name}: {date!r} is not a date.",
            fix="Write it as 2020, 2020-12, 2020-12-20 or 2020-12-20T06 (UTC).",
        ) from None


def _duration(option: str, text: str) -> np.timedelta64:
    try:
        return parse_duration(text)
    except AnemoiError as error:
        raise ConfigError(f"{option}: {error.what}", fix=error.fix) from None
