"""From data sources and settings to domains, as a model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.steps import Steps
from anemoi.core.times import format_date, parse_date
from anemoi.core.transforms import measured
from anemoi.core.variable import Role, Variable
from numpy.typing import NDArray

from .roles import Where, variables
from .settings import DateSettings, DomainSettings
from .statistics import Known, Track, learn, untracked


@dataclass(frozen=True, eq=False)
class Data:
    """One domain and where its states are read.

    Parameters
    ----------
    source
        The data.
    times
        The training period, missing times included.
    domain
        What a model sees of them.
    """

    source: DataSource
    times: NDArray[np.datetime64]
    domain: Domain


def training_times(source: DataSource, dates: DateSettings) -> NDArray[np.datetime64]:
    """Find the times of the training period, those of missing data included.

    Raises
    ------
    DataError
        If the source has none in it.
    """
    times = _times_within(source, dates.start, dates.end, "dates")
    for name, period in (("validation", dates.validation), ("test", dates.test)):
        if period.start is not None:
            times = _before(times, period.start, name)
    return times


def validation_times(source: DataSource, dates: DateSettings) -> NDArray[np.datetime64]:
    """Find the times of the validation period, those of missing data included.

    Raises
    ------
    DataError
        If the source has none in it.
    """
    times = _times_within(source, dates.validation.start, dates.validation.end, "dates.validation")
    return times if dates.test.start is None else _before(times, dates.test.start, "test")


def test_times(source: DataSource, dates: DateSettings) -> NDArray[np.datetime64]:
    """Find the times of the test period, those of missing data included.

    Raises
    ------
    DataError
        If the source has none in it.
    """
    return _times_within(source, dates.test.start, dates.test.end, "dates.test")


def _before(times: NDArray[np.datetime64], start: str, name: str) -> NDArray[np.datetime64]:
    """Those before another period begins."""
    before = times[times < parse_date(start)]
    if not len(before):
        raise DataError(
            f"The data have no times before the {name} period, {start}.",
            fix=f"Choose a later dates.{name}.start.",
        )
    return before


def _times_within(
    source: DataSource, first: str | None, last: str | None, key: str
) -> NDArray[np.datetime64]:
    start = source.times[0] if first is None else parse_date(first)
    end = source.times[-1] if last is None else parse_date(last)
    times = source.times[(source.times >= start) & (source.times <= end)]
    if not len(times):
        begin, stop = (format_date(time) for time in (source.times[0], source.times[-1]))
        raise DataError(
            f"The data have no times from {format_date(start)} to {format_date(end)}.",
            fix=f"They reach from {begin} to {stop}: set {key}.start and {key}.end within.",
        )
    return times


def domain_of(
    source: DataSource,
    times: NDArray[np.datetime64],
    settings: DomainSettings,
    steps: Steps,
    transforms: Mapping[str, Mapping[str, Any]],
    *,
    key: str = "variables",
    where: Where = lambda key: "",
    trust_code: bool = False,
    track: Track = untracked,
) -> Domain:
    """Describe a data set to a model: the roles of its variables, its statistics, its constants.

    A variable that never changes in the training period is a constant forcing. One with NaNs must be said to
    have them, by the data or by the user.

    Parameters
    ----------
    transforms
        The chain of the domain, which may ask for statistics of its own.
    key
        The key of its variables in the configuration.
    where
        Tells where a key was written.
    track
        Shows how far a pass over the data has come.

    Raises
    ------
    ConfigError, DataError
        If a role does not fit, or the data will not do.
    """
    chosen = variables(source, settings.variables, settings.forcings or (), key=key, where=where)
    sketch = _domain(source, chosen, steps, _unknown(len(source.variables)))
    wanted = measured(transforms, sketch, trust_code=trust_code)
    known = learn(source, times, steps.interval, transforms, wanted, track=track)
    for variable in chosen:
        if variable.name in known.gaps and not (variable.computed or variable.may_be_missing):
            raise DataError(
                f"The training data have NaNs in {variable.name}, the first at "
                f"{format_date(known.gaps[variable.name])}, and nothing says that it may be missing.",
                fix=f"If that is right, say so: {key}.may_be_missing=[{variable.name}]. Otherwise choose "
                "another period (dates.start, dates.end), or mend the data set.",
            )
    return _domain(source, tuple(_as_found(variable, known) for variable in chosen), steps, known)


def outline(
    source: DataSource,
    settings: DomainSettings,
    steps: Steps,
    transforms: Mapping[str, Mapping[str, Any]],
    *,
    key: str = "variables",
    where: Where = lambda key: "",
    trust_code: bool = False,
) -> Domain:
    """Describe a data set by what it says of itself, without reading any of its values.

    Each variable has statistics that every transform can take, and a constant is zero everywhere.

    Parameters
    ----------
    transforms
        The chain of the domain, which may ask for statistics of its own.
    key
        The key of its variables in the configuration.
    where
        Tells where a key was written.

    Raises
    ------
    ConfigError
        If a role does not fit.
    """
    chosen = variables(source, settings.variables, settings.forcings or (), key=key, where=where)
    usual = Statistics(*(np.full(len(source.variables), each) for each in _STAND_IN))
    zero = np.zeros(len(source.grid), dtype=np.float32)
    still = {each.name: zero for each in chosen if each.constant and not each.computed}
    absent = {each.name: zero.astype(bool) for each in chosen if each.may_be_missing and not each.computed}
    sketch = _domain(source, chosen, steps, _unknown(len(source.variables)))
    wanted = measured(transforms, sketch, trust_code=trust_code)
    rows = {} if wanted is None else {name: np.array([_STAND_IN] * 2) for name in wanted.names}
    return _domain(source, chosen, steps, Known(usual, usual, still, absent, rows))


_STAND_IN = (1.0, 2.0, 0.0, 8.0)
"""Mean, standard deviation, minimum and maximum in place of those of values that are not read."""


def _as_found(variable: Variable, known: Known) -> Variable:
    """What the data show of a variable."""
    if variable.computed:
        return variable
    # Nothing is missing of what only might be: no mask, and no look for NaNs at every step.
    variable = replace(variable, may_be_missing=variable.name in known.missing)
    if variable.name not in known.constants:
        return replace(variable, constant=False)
    if variable.role is Role.FORCING:
        return replace(variable, constant=True)
    return replace(variable.instantaneous(), role=Role.FORCING, constant=True)


def _domain(source: DataSource, found: tuple[Variable, ...], steps: Steps, known: Known) -> Domain:
    """Put it together; a computed forcing is of order one already, and so is not normalised."""
    column = {name: number for number, name in enumerate(source.variables)}
    in_data = [not variable.computed for variable in found]
    places = [column.get(variable.name, 0) for variable in found]

    def all_of(statistics: Statistics, of_computed: tuple[float, float, float, float]) -> Statistics:
        table = np.stack([*vars(statistics).values()])[:, places]  # (4, variables)
        return Statistics(*np.where(in_data, table, np.array(of_computed)[:, None]))

    return Domain(
        variables=found,
        grid=source.grid,
        frequency=steps.interval,
        statistics=all_of(known.values, (0.0, 1.0, -1.0, 1.0)),
        changes=all_of(known.changes, (np.nan, np.nan, np.nan, np.nan)),
        constants={
            variable.name: known.constants[variable.name]
            for variable in found
            if variable.constant and not variable.computed and variable.name in known.constants
        },
        missing={
            variable.name: known.missing[variable.name]
            for variable in found
            if variable.name in known.missing and not variable.computed
        },
        measured=known.measured,
    )


def _unknown(count: int) -> Known:
    nothing = Statistics(*np.full((4, count), np.nan))
    return Known(nothing, nothing)


def check_some_output(domains: Mapping[str, Domain]) -> None:
    """Refuse data of which nothing would be forecast.

    Raises
    ------
    ConfigError
        If so.
    """
    if not any(domain.outputs for domain in domains.values()):
        raise ConfigError(
            "There is nothing to forecast: all variables are forcings, or constant in the training period.",
            fix="Choose other data, or another period (dates.start, dates.end), or other roles (variables).",
        )
