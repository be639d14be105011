"""Reads all of a data set, and tells everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.errors import AnemoiError
from anemoi.core.interfaces.data_source import DataSource, Statistics
from anemoi.core.moments import Moments
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from .changes import Changes
from .constancy import Constancy
from .dataset import Dataset
from .implausible import PlausibilityReport
from .layout import tendency
from .store import open_group

_TOLERANCE = 1e-4
"""Of statistics, relative to the range of the values: some software computes them in single precision."""


@dataclass(frozen=True)
class Report:
    """What a data set is like.

    Parameters
    ----------
    dates
        How many were read.
    faults
        What is wrong, a sentence each.
    missing
        The share of values that are NaN, of the variables that have any.
    """

    dates: int
    faults: tuple[str, ...]
    missing: Mapping[str, float]


def check(path: str, progress: Callable[[int, int], None] = lambda done, total: None) -> Report:
    """Read every date of the data set at ``path``, and compare its statistics with its data.

    Raises
    ------
    DataError
        If it cannot be opened as a data set at all.
    """
    source = Dataset(path)
    attributes = dict(open_group(path).attrs)
    dates = [time for time in source.times if time not in source.missing]
    first, last = (_date(attributes.get(f"statistics_{end}_date")) for end in ("start", "end"))
    faults: list[str] = []
    moments, told = Moments.none(len(source.variables)), source.changes
    changes = Changes(told, len(source.variables))
    constancy: Constancy | None = None
    report = PlausibilityReport(source.variables, [source.units.get(name) for name in source.variables])
    allowed = attributes.get("variables_with_nans")
    for done, (time, state) in enumerate(_states(source, dates, faults), 1):
        if constancy is None:
            constancy = Constancy(state)
        else:
            constancy.add(state)
        of_state = Moments.of(state)
        report.add(time, state, of_state)
        if (first is None or time >= first) and (last is None or time <= last):
            moments += of_state
            changes.add(time, state)
        progress(done, len(dates))
    faults += report.faults()
    if isinstance(allowed, list):
        faults += [
            f"{name} has missing values (NaN, {share:.2%}), but 'variables_with_nans' does not name it"
            for name, share in report.missing.items()
            if name not in allowed
        ]
    if not faults and moments.count.any():
        faults += _differences(source.variables, source.statistics, moments.statistics())
        for duration, found in changes.statistics().items():
            faults += _differences(source.variables, told[duration], found, duration)
    constant = None if constancy is None else constancy.constant
    if constant is not None:
        faults += [
            f"{name} is said to be constant, but changes"
            for name, same in zip(source.variables, constant, strict=True)
            if source.metadata[name].constant and not same
        ]
    return Report(len(dates), tuple(faults), report.missing)


def statistics(
    source: DataSource, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Statistics, Mapping[np.timedelta64, Statistics]]:
    """Compute the statistics of all that ``source`` holds, in one pass.

    Returns
    -------
    tuple
        Those of the states, and those of the changes from each time to the next, where there are any.
    """
    dates = [time for time in source.times if time not in source.missing]
    moments = Moments.none(len(source.variables))
    changes = Changes([source.frequency], len(source.variables))
    for done, time in enumerate(dates, 1):
        state = source.read([time])[0].transpose(2, 0, 1)
        moments += Moments.of(state)
        changes.add(time, state)
        progress(done, len(dates))
    return moments.statistics(), changes.statistics()


def _states(
    source: Dataset, dates: list[np.datetime64], faults: list[str]
) -> Iterator[tuple[np.datetime64, NDArray[np.float32]]]:
    for time in dates:
        try:
            state = source.read([time])[0].transpose(2, 0, 1)
        except AnemoiError as error:
            faults.append(error.what)
            continue
        if np.isnan(state).all():
            faults.append(f"there are no data for {format_date(time)}: all values are NaN")
        yield time, state


def _date(text: Any) -> np.datetime64 | None:
    return None if text is None else np.datetime64(str(text), "s")


def _differences(
    variables: tuple[str, ...], told: Statistics, found: Statistics, duration: np.timedelta64 | None = None
) -> Iterator[str]:
    """Tell which statistics differ: those of the states, or those of the changes over ``duration``."""
    scale = np.maximum(found.maximum - found.minimum, 1e-30)
    for name in vars(told):
        ours, theirs = getattr(found, name), getattr(told, name)
        apart = np.abs(ours - theirs) > _TOLERANCE * scale
        for variable in np.flatnonzero(apart | (np.isnan(ours) != np.isnan(theirs))):
            of = variables[variable]
            if duration is not None:
                of = f"the changes of {of} over {format_duration(duration)}"
            array = name if duration is None else tendency(duration, name)
            yield f"the {name} of {of} is {ours[variable]:g}, but array '{array}' says {theirs[variable]:g}"
