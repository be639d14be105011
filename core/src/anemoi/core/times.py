"""Dates and durations as people write them: ``2025-12-20T06``, ``72h``, ``10d``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from .errors import AnemoiError

_UNITS = {"m": 60, "h": 3600, "d": 86400}


def parse_date(date: str | datetime | np.datetime64) -> np.datetime64:
    """Read a date in any of the usual forms, as datetime64[s] in UTC; without a time zone it is UTC already.

    Raises
    ------
    AnemoiError
        If it is not an ISO 8601 date.
    """
    if isinstance(date, np.datetime64):
        seconds: np.datetime64 = date.astype("datetime64[s]")
        return seconds
    if isinstance(date, str):
        try:
            date = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", date.strip()))
        except ValueError:
            raise AnemoiError(
                f"{date!r} is not a date.",
                fix="Write it as 2025-12-20, 2025-12-20T06 or 2025-12-20T06:00 (UTC).",
            ) from None
    if date.tzinfo is not None:
        date = date.astimezone(timezone.utc).replace(tzinfo=None)
    return np.datetime64(date, "s")


def parse_dates(text: str) -> list[np.datetime64]:
    """Read a date, or a range of them with both ends: ``FIRST/LAST/INTERVAL``, ``2025-12-01/2025-12-10/24h``.

    Raises
    ------
    AnemoiError
        If it is neither.
    """
    if "/" not in text:
        return [parse_date(text)]
    words = text.split("/")
    if len(words) != 3:
        raise AnemoiError(
            f"{text!r} is no range of dates.", fix="Write FIRST/LAST/INTERVAL: 2025-12-01/2025-12-10/24h"
        )
    first, last, interval = parse_date(words[0]), parse_date(words[1]), parse_duration(words[2])
    if first > last or not interval:
        raise AnemoiError(
            f"There is no date in {text!r}.", fix="Write the first date first, and an interval above zero."
        )
    return [first + n * interval for n in range(int((last - first) // interval) + 1)]


def parse_duration(duration: str | timedelta | np.timedelta64) -> np.timedelta64:
    """Read a duration in any of the usual forms, as timedelta64[s].

    Raises
    ------
    AnemoiError
        If it is not a whole number followed by ``m``, ``h`` or ``d`` (minutes, hours, days).
    """
    if isinstance(duration, timedelta):
        duration = np.timedelta64(duration)
    if isinstance(duration, np.timedelta64):
        seconds: np.timedelta64 = duration.astype("timedelta64[s]")
        return seconds
    match = re.fullmatch(r"(\d{1,9})([mhd])", duration.strip())
    if match is None:
        raise AnemoiError(
            f"{duration!r} is not a duration.",
            fix="Write a whole number of minutes, hours or days: 30m, 72h, 10d.",
        )
    return np.timedelta64(int(match[1]) * _UNITS[match[2]], "s")


def time_of_day(times: NDArray[np.datetime64] | np.datetime64) -> NDArray[np.timedelta64]:
    """Take from each time its date: what is left is the time since midnight UTC, timedelta64[s]."""
    times = np.asarray(times, "datetime64[s]")
    return np.asarray(times - times.astype("datetime64[D]"))


def format_duration(duration: np.timedelta64) -> str:
    """Write a duration in hours, or minutes where they are not whole, as :func:`parse_duration` reads it."""
    minutes, seconds = divmod(int(duration / np.timedelta64(1, "s")), 60)
    if seconds:
        raise AnemoiError(f"{duration} is not a whole number of minutes.")
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"


def format_date(date: np.datetime64) -> str:
    """Write a date to the minute, or to the hour where it is a whole one: ``2025-12-20T06``."""
    text = str(date.astype("datetime64[m]"))
    return text.removesuffix(":00")
