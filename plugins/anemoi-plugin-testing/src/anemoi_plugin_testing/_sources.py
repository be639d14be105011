"""The checks of data sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.interfaces import ChecksOptions
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ._check import Check, NotApplicableError, Subject, contract, require
from ._options import options_are_declared, require_options, with_parts
from ._random_use import of_source
from ._source_access import open_source, same_bytes, there
from ._source_processes import (
    reads_nothing_at_opening,
    reads_the_same_after_pickling,
    reads_the_same_in_other_processes,
)

OPENS = ("opens",)
READS = ("opens", "has_equally_spaced_times", "reads_states")


@contract()
def opens(subject: Subject) -> None:
    """It opens with its options, and all that it tells of itself can be asked."""
    require_options(subject)
    source = open_source(subject)
    for name in (
        *("variables", "times", "frequency", "grid", "statistics", "missing", "provenance", "units"),
        *("metadata", "changes", "statistics_period"),
    ):
        getattr(source, name)


@contract(after=OPENS)
def takes_the_options_that_it_checks(subject: Subject) -> None:
    """What opens it passes its ``check_options``, which has no need of the data."""
    if not isinstance(subject.component, ChecksOptions):
        raise NotApplicableError("it checks none before it is opened")
    try:
        subject.component.check_options(**with_parts(subject))
    except (AnemoiError, TypeError, ValueError) as error:
        require(False, f"it opens, but its check refuses: {error}")


@contract(after=OPENS)
def has_equally_spaced_times(subject: Subject) -> None:
    """Its times are datetime64[s], and each is later than the one before by its frequency."""
    source = open_source(subject)
    times = source.times
    require(times.dtype == np.dtype("datetime64[s]") and times.ndim == 1, f"they are {times.dtype}")
    require(len(times), "there are none")
    frequency = np.timedelta64(source.frequency, "s")
    require(frequency > np.timedelta64(0, "s"), f"the frequency is {frequency}")
    odd = np.flatnonzero(np.diff(times) != frequency)
    require(
        not len(odd), f"{times[odd[:1]]} is followed by {times[odd[:1] + 1]}, the frequency is {frequency}"
    )


@contract(after=OPENS)
def has_unique_variables(subject: Subject) -> None:
    """The names of its variables are a tuple of different words; units are those of its variables."""
    source = open_source(subject)
    names = source.variables
    require(isinstance(names, tuple) and names, f"they are {names!r}")
    require(all(isinstance(name, str) and name for name in names), f"they are {names!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"these come more than once: {', '.join(twice)}")
    strangers = sorted(set(source.units) - set(names))
    require(not strangers, f"there are units for {', '.join(strangers)}, which it does not have")


@contract(after=(*OPENS, "has_unique_variables"))
def tells_what_each_variable_is(subject: Subject) -> None:
    """Its metadata are of its variables, each under its own name, and have the same units."""
    source = open_source(subject)
    metadata, units = source.metadata, source.units
    odd = sorted(set(metadata) ^ set(source.variables))
    require(not odd, f"the metadata and the variables do not both have {', '.join(odd)}")
    for name, variable in metadata.items():
        require(isinstance(variable, Variable), f"{name} is {variable!r}")
        require(variable.name == name, f"{name} is called {variable.name}")
        known = (variable.units, units.get(name))
        require(len(set(known)) == 1, f"the units of {name} are {known[0]!r} and {known[1]!r}")


@contract(after=OPENS)
def has_a_grid_on_the_globe(subject: Subject) -> None:
    """Latitudes lie within [-90, 90] degrees and longitudes within [-360, 360], as float64."""
    grid = open_source(subject).grid
    for name, values, most in (("latitude", grid.latitudes, 90), ("longitude", grid.longitudes, 360)):
        require(values.dtype == np.float64, f"the {name}s are {values.dtype}")
        require(len(values), "it has no points")
        require(np.isfinite(values).all(), f"a {name} is not finite")
        require(np.abs(values).max() <= most, f"a {name} is {values[np.abs(values).argmax()]:g}")


@contract(after=(*OPENS, "has_equally_spaced_times"))
def reads_states(subject: Subject) -> None:
    """What it reads has the axes ``(time, ensemble, grid, variable)``."""
    source = open_source(subject)
    times = there(source, 2)
    shape = source.read(times).shape
    wanted = (len(times), "members", len(source.grid), len(source.variables))
    fits = len(shape) == 4 and shape[1] > 0 and (shape[0], shape[2], shape[3]) == (wanted[0], *wanted[2:])
    require(fits, f"{len(times)} times give the shape {shape}, not {wanted}")


@contract(after=READS)
def reads_float32(subject: Subject) -> None:
    """What it reads is float32."""
    source = open_source(subject)
    dtype = source.read(there(source, 1)).dtype
    require(dtype == np.float32, f"it is {dtype}")


@contract(after=(*READS, "reads_the_same_twice"))
def reads_times_in_the_order_asked(subject: Subject) -> None:
    """Times are read as a slice, an array or a list, in any order, each as often as it is named."""
    source = open_source(subject)
    times = there(source)
    alone = {time: source.read([time])[0] for time in times}

    def try_(asked: Sequence[np.datetime64] | NDArray[np.datetime64], how: str) -> None:
        expected = np.stack([alone[time] for time in asked])
        require(
            same_bytes(source.read(asked), expected), f"{how} gives something else than its times one by one"
        )

    try_(times, "an array")
    try_(list(times), "a list")
    try_(times[::-1], "the reverse order")
    try_(list(times[[0, -1, 0]]), "a time that is named twice")
    run = source.times[:3]
    if not source.missing.intersection(run):
        expected = np.concatenate([source.read([time]) for time in run])
        require(same_bytes(source.read(source.times[:3]), expected), "a slice gives something else")


@contract(after=READS)
def reads_the_same_twice(subject: Subject) -> None:
    """What is read twice is the same to the bit; to write to what was read does no harm."""
    source = open_source(subject)
    times = there(source, 3)
    first = source.read(times)
    kept = first.copy()
    require(same_bytes(source.read(times), kept), "the second time gives something else")
    if first.flags.writeable:
        first[:] = -1.0
    require(
        same_bytes(source.read(times), kept), "after the first result was written to, the next is another"
    )


@contract(after=READS)
def refuses_absent_times(subject: Subject) -> None:
    """A time before the first, after the last or between two is a ``DataError`` that names it."""
    source = open_source(subject)
    first, last = source.times[0], source.times[-1]
    for absent in (first - source.frequency, last + source.frequency, first + np.timedelta64(1, "s")):
        _require_refused(source, absent, "is not one of its times")


@contract(after=READS)
def refuses_missing_times(subject: Subject) -> None:
    """A missing time is one of its times, and to read it is a ``DataError`` that names it."""
    source = open_source(subject)
    if not source.missing:
        raise NotApplicableError("no time is missing")
    for time in sorted(source.missing)[:3]:
        require(time in source.times, f"{time} is missing, but not one of its times")
        _require_refused(source, time, "is missing")


def _require_refused(source: DataSource, time: np.datetime64, why: str) -> None:
    try:
        source.read([time])
    except DataError as error:
        day = str(time.astype("datetime64[D]"))
        require(day in str(error), f"the error for {time} does not name it: {error}")
    else:
        require(False, f"{time} {why}, but is read without an error")


@contract(after=(*READS, "reads_the_same_twice"))
def has_the_statistics_of_its_data(subject: Subject) -> None:
    """Mean, deviation, minimum and maximum of each variable are those of a sample, but for its size.

    The mean may be off by a standard deviation, the deviation by a factor of three, and the extremes by
    their distance: statistics are often those of another period.
    """
    source = open_source(subject)
    statistics, names = source.statistics, source.variables
    for name in ("mean", "stdev", "minimum", "maximum"):
        values = getattr(statistics, name)
        require(values.shape == (len(names),), f"{name} has shape {values.shape} for {len(names)} variables")
        require(np.isfinite(values).all(), f"{name} is not finite")
    data = source.read(there(source, 16)).astype(np.float64).reshape(-1, len(names))
    tiny = 1e-6 * np.abs(data).max(axis=0, initial=0.0, where=np.isfinite(data)) + 1e-12
    mean, stdev = np.nanmean(data, axis=0), np.nanstd(data, axis=0)
    low, high = statistics.minimum, statistics.maximum
    span = high - low + tiny
    faults = {
        "the mean": np.abs(mean - statistics.mean) > np.maximum(statistics.stdev, stdev) + tiny,
        "the standard deviation": (stdev > 3.0 * statistics.stdev + tiny)
        | (statistics.stdev > 3.0 * stdev + tiny),
        "the minimum": (np.nanmin(data, axis=0) < low - span) | (low > statistics.mean + tiny),
        "the maximum": (np.nanmax(data, axis=0) > high + span) | (high < statistics.mean - tiny),
    }
    for what, wrong in faults.items():
        variables = ", ".join(name for name, one in zip(names, wrong, strict=True) if one)
        require(not variables, f"{what} of {variables} does not fit the data")


@contract(after=OPENS)
def has_statistics_of_changes_for_each_variable(subject: Subject) -> None:
    """The statistics of changes, if any, are over positive times, and ``(variable,)`` float64 each."""
    source = open_source(subject)
    if not source.changes:
        raise NotApplicableError("it has none")
    for duration, statistics in source.changes.items():
        require(duration > np.timedelta64(0, "s"), f"some are over {duration}")
        for name, values in vars(statistics).items():
            kind = f"{values.dtype} {values.shape}"
            fits = values.dtype == np.float64 and values.shape == (len(source.variables),)
            require(fits, f"{name} over {duration} is {kind} for {len(source.variables)} variables")
        require(not (statistics.stdev < 0).any(), f"a standard deviation over {duration} is negative")


@contract(after=(*OPENS, "has_equally_spaced_times"))
def has_statistics_of_its_own_times(subject: Subject) -> None:
    """The period of its statistics, if it is known, is in order and lies within its times."""
    source = open_source(subject)
    if source.statistics_period is None:
        raise NotApplicableError("it is not known")
    first, last = source.statistics_period
    require(first <= last, f"it begins at {first} and ends at {last}")
    start, end = source.times[[0, -1]]
    require(start <= first and last <= end, f"it is {first} to {last}, but the times are {start} to {end}")


@contract(after=OPENS)
def says_where_it_comes_from(subject: Subject) -> None:
    """Its provenance is JSON with an ``identity``, the same each time it is opened."""
    one, other = open_source(subject).provenance, open_source(subject).provenance
    try:
        json.dumps(dict(one), allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"it is not JSON: {error}")
    identity = one.get("identity")
    require(isinstance(identity, str) and identity, f"its identity is {identity!r}")
    require(identity == other.get("identity"), f"its identity is {identity}, then {other.get('identity')}")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "source": (
        options_are_declared,
        opens,
        takes_the_options_that_it_checks,
        has_equally_spaced_times,
        has_unique_variables,
        tells_what_each_variable_is,
        has_a_grid_on_the_globe,
        reads_states,
        reads_float32,
        reads_the_same_twice,
        reads_times_in_the_order_asked,
        reads_the_same_after_pickling,
        reads_the_same_in_other_processes,
        refuses_absent_times,
        refuses_missing_times,
        has_the_statistics_of_its_data,
        has_statistics_of_changes_for_each_variable,
        has_statistics_of_its_own_times,
        reads_nothing_at_opening,
        says_where_it_comes_from,
        of_source(
            *READS,
            "reads_float32",
            "reads_the_same_twice",
            "reads_times_in_the_order_asked",
            "reads_the_same_after_pickling",
            "reads_the_same_in_other_processes",
            "refuses_absent_times",
            "refuses_missing_times",
        ),
    )
}
