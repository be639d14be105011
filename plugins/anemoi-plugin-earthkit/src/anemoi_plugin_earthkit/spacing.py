"""Equally spaced times out of those that there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration, parse_duration


def equally_spaced(
    there: Times,
    frequency: str | None,
    alone: np.timedelta64 | None,
    where: Callable[[np.datetime64], str],
) -> tuple[Times, np.timedelta64]:
    """Give all times from the first to the last, those between that are not there too, and their frequency.

    Parameters
    ----------
    there
        The times that there are, increasing.
    frequency
        How far apart they shall be, counted from the first; None is as close as any two are.
    alone
        How far apart they are if there is one alone; None if nothing tells.
    where
        Tells of a time which field has it, and in which file.

    Raises
    ------
    ConfigError
        If ``frequency`` is no duration.
    DataError
        If no frequency can be found, or the one given does not fit: it names the field and the file.
    """
    asked = None if frequency is None else _duration(frequency)
    steps = np.diff(there)
    if len(steps):
        step = steps.min()
    elif asked is not None:
        step = asked
    elif alone is not None:
        step = alone
    else:
        raise DataError(
            f"There is one time alone, {format_date(there[0])}, of {where(there[0])}.",
            fix="Say how far apart the states are meant to be: frequency=6h",
        )
    odd = np.flatnonzero(steps % step)
    if len(odd):
        raise DataError(
            f"The times are not equally spaced: {_text(step)} apart at first sight, but "
            f"{format_date(there[odd[0]])} is followed by {format_date(there[odd[0] + 1])}, of "
            f"{where(there[odd[0] + 1])}.",
            fix="Say which to take, counted from the first: frequency=6h. Or leave that file out.",
        )
    wanted = step if asked is None else asked
    if wanted % step and step % wanted:
        raise DataError(
            f"The times are {_text(step)} apart, from which every {frequency} cannot be had.",
            fix="Set frequency to a multiple of that.",
        )
    times: Times = np.arange(there[0], there[-1] + np.timedelta64(1, "s"), wanted)
    return times, np.timedelta64(wanted, "s")


def _duration(frequency: str) -> np.timedelta64:
    try:
        return parse_duration(frequency)
    except AnemoiError as error:
        raise ConfigError(f"frequency: {error.what}", fix=error.fix) from None


def _text(step: np.timedelta64) -> str:
    return str(step) if step % np.timedelta64(60, "s") else format_duration(step)
