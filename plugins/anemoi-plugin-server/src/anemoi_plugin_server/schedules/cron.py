"""The times of a schedule, written as cron does, UTC."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from anemoi.core.errors import ConfigError
from croniter import croniter

_FIELD: Final = re.compile(r"[0-9*,/-]+")
_YEARS: Final = 10
"""Within how many years there must be a time."""


def check(cron: str) -> None:
    """Check that this says when.

    Raises
    ------
    ConfigError
        If it is not five fields of numbers, ``*``, ``,``, ``-`` and ``/``, or no time ever fits.
    """
    fields = cron.split()
    if len(fields) == 5 and all(map(_FIELD.fullmatch, fields)):
        with suppress(ValueError):
            after(cron, 0.0)
            return
    raise ConfigError(
        f"{cron!r} names no time.",
        fix="Write minute, hour, day, month and day of the week, UTC: '0 0,12 * * *' is 00 and 12 every day.",
    )


def in_words(cron: str) -> str:
    """When, for people: ``every day at 00:00 and 12:00 UTC``; what is less simple, as it is written."""
    minute, hours, *days = cron.split()
    if days != ["*"] * 3 or not minute.isdecimal() or not all(map(str.isdecimal, hours.split(","))):
        return f"at {cron} (cron, UTC)"
    times = [f"{int(hour):02}:{int(minute):02}" for hour in hours.split(",")]
    listed = " and ".join(filter(None, [", ".join(times[:-1]), times[-1]]))
    return f"every day at {listed} UTC"


def after(cron: str, time: float) -> float:
    """The first time after one, in seconds since 1970."""
    return float(croniter(cron, time, max_years_between_matches=_YEARS).get_next(float))


def due(cron: str, first: float, now: float, *, most: int) -> tuple[list[float], float]:
    """The times from ``first`` until now, and the next one.

    Parameters
    ----------
    cron
        When.
    first, now
        Seconds since 1970; ``first`` is one of the times.
    most
        How many at most: the last ones.
    """
    before = croniter(cron, now + 1, max_years_between_matches=_YEARS)
    found: list[float] = []
    while len(found) < most and (time := float(before.get_prev(float))) >= first:
        found.append(time)
    return found[::-1], after(cron, now)
