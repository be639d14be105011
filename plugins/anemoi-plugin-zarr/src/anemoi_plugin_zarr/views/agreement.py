"""What sources must have in common to be put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date, format_duration
from anemoi.core.variable import Variable

from ..reader import Reader, reader


def opened(what: str, sources: Sequence[Spec | DataSource]) -> list[Reader]:
    """Open those of ``sources`` that are described, as in a configuration, and not open yet.

    Raises
    ------
    ConfigError
        If there are none.
    """
    require_some(what, sources)
    return [
        reader(source if isinstance(source, DataSource) else config.build("source", source))
        for source in sources
    ]


def require_some(what: str, sources: Sequence[Any]) -> None:
    """Refuse to combine no sources.

    Raises
    ------
    ConfigError
        If there are none.
    """
    if not sources:
        raise ConfigError(f"{what}: there are no sources.", fix="Name at least one under 'sources'.")


def require_same(what: str, sources: Sequence[Reader], *aspects: str) -> None:
    """Check that ``sources`` have the same of each of ``aspects``, and as many ensemble members.

    Raises
    ------
    DataError
        If one differs from the first: it says in what, and what to do.
    """
    first = sources[0]
    for other in sources[1:]:
        for aspect in (*aspects, "members"):
            same, show, fix = _ASPECTS[aspect]
            if not same(first, other):
                raise DataError(
                    f"{what}: {first} and {other} differ in their {aspect}: "
                    f"{show(first)}, but {show(other)}.",
                    fix=fix,
                )


def common(sources: Sequence[Reader]) -> dict[str, Variable]:
    """Give what is known of each variable whose values come from all of ``sources``.

    It is constant only where all have it so, and may be missing where one has.
    """
    known = [source.metadata for source in sources]
    return {name: _common([each[name] for each in known]) for name in sources[0].variables}


def _common(variables: Sequence[Variable]) -> Variable:
    first = next((variable for variable in variables if not variable.constant), variables[0])
    return replace(
        first,
        units=next((variable.units for variable in variables if variable.units is not None), None),
        may_be_missing=any(variable.may_be_missing for variable in variables),
    )


def _same_units(one: Reader, other: Reader) -> bool:
    theirs = other.units
    return all(theirs.get(name, unit) == unit for name, unit in one.units.items())


def _periods(source: Reader) -> dict[str, str]:
    each = {name: known.statistic for name, known in source.metadata.items()}
    return {
        name: f"{said[0]} over {format_duration(said[1])}" for name, said in each.items() if said is not None
    }


def _same_periods(one: Reader, other: Reader) -> bool:
    theirs = _periods(other)
    return all(theirs.get(name, period) == period for name, period in _periods(one).items())


def _show_times(source: Reader) -> str:
    first, last = format_date(source.times[0]), format_date(source.times[-1])
    return f"{first} to {last} every {format_duration(source.frequency)}"


_Aspect = tuple[Callable[[Reader, Reader], bool], Callable[[Reader], Any], str]
_ASPECTS: Mapping[str, _Aspect] = {
    "times": (
        lambda one, other: np.array_equal(one.times, other.times),
        _show_times,
        "Give each 'start', 'end' and 'frequency' so that they agree.",
    ),
    "frequency": (
        lambda one, other: bool(one.frequency == other.frequency),
        lambda source: format_duration(source.frequency),
        "Give each the same 'frequency'.",
    ),
    "variables": (
        lambda one, other: one.variables == other.variables,
        lambda source: ", ".join(source.variables),
        "Give each 'select', 'reorder' or 'rename' so that they agree.",
    ),
    "units": (
        _same_units,
        lambda source: dict(source.units),
        "Values in different units cannot stand for one variable.",
    ),
    "periods": (
        _same_periods,
        _periods,
        "Values accumulated or averaged over other periods cannot stand for one variable.",
    ),
    "grid": (
        lambda one, other: one.grid.matches(other.grid),
        lambda source: f"{len(source.grid)} points",
        "Only sources on one grid go together so; a region within a larger grid is a 'cutout'.",
    ),
    "members": (
        lambda one, other: one.members == other.members,
        lambda source: source.members,
        "Only sources with as many ensemble members go together.",
    ),
}
