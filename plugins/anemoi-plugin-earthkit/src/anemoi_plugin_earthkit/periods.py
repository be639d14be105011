"""The time that sums, means and extremes are over, where the files do not say it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.times import format_duration, parse_duration

from .fields import INSTANT
from .index import Index


class UnsaidPeriodWarning(UserWarning):
    """What time the values of a variable are over is not known."""


def with_periods(index: Index, periods: Mapping[str, str], where: str) -> Index:
    """Give an index in which the fields of some variables begin as long before their time as the user says.

    Parameters
    ----------
    index
        What the files say.
    periods
        Durations by variable: ``{tp: 1h}``.
    where
        Where the fields are from, for errors.

    Raises
    ------
    ConfigError
        If one is no time at all.
    DataError
        If such a variable is none over a time, or the files say another time.
    """
    rows = index.rows.copy()
    for name, text in periods.items():
        if not (over := parse_duration(text)):
            raise ConfigError(f"periods.{name}: {text!r} is no time.", fix="Write 1h, say.")
        codes = [
            code
            for code, variable in enumerate(index.variables)
            if variable.name == name and variable.process != INSTANT
        ]
        of_it = np.isin(rows["variable"], codes) & ~np.isnat(rows["time"])
        if not of_it.any():
            raise DataError(
                f"{where} has no {name} that is a sum, a mean or an extreme over some time (periods).",
                fix="Leave it out of periods. A NetCDF file says it by cell_methods: time: sum",
            )
        said = np.unique((rows["time"] - rows["start"])[of_it & ~np.isnat(rows["start"])])
        others = said[(said != over) & (said != np.timedelta64(0))]
        if others.size:
            raise DataError(
                f"{name} in {where} is over {format_duration(others[0])}, not {text} (periods).",
                fix="Leave it out of periods: the files say it.",
            )
        unsaid = of_it & np.isnat(rows["start"])
        rows["start"][unsaid] = rows["time"][unsaid] - over
    return replace(index, rows=rows)


def warn_of_unsaid(where: str, variables: Iterable[tuple[str, str]]) -> None:
    """Warn of variables over times that are not known.

    Parameters
    ----------
    where
        Where they are from.
    variables
        The name of each, and its ``stepType``.
    """
    told = [f"{name} ({process})" for name, process in variables]
    if told:
        first = told[0].split(" ", maxsplit=1)[0]
        warnings.warn(
            f"{where} does not say over what time these are: {', '.join(told)}. They are read as they are, "
            "over an unknown time; their spacing does not tell it. "
            f"To say it: periods={{{first}: 1h}}. NetCDF says it by bounds of the time.",
            UnsaidPeriodWarning,
            stacklevel=7,
        )
