"""The variables of a store of fields: what each is called, where it lies, and what is known of it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from anemoi.core.errors import DataError
from anemoi.core.variable import Role, Variable, level_name

from .axes import Axes
from .parameters import parameter
from .processes import Process, Processes


class LeftOutWarning(UserWarning):
    """Variables of a store are not read."""


class UnsaidPeriodWarning(UserWarning):
    """What time the values of a variable are over is not known."""


class Placed(NamedTuple):
    """A variable here: that of the store, the position along the levels, and what is known of it."""

    own: str
    level: int | None
    known: Variable


def find_variables(dataset: Any, axes: Axes, path: str, periods: Mapping[str, str]) -> dict[str, Placed]:
    """Find the fields of a store, and name them.

    Parameters
    ----------
    dataset
        The store, as xarray has it.
    axes
        What its dimensions mean.
    path
        Where it is, for errors.
    periods
        What time variables are over, by their names without levels, where the store does not say it.

    Raises
    ------
    DataError
        If two have one name, or the store says something else than ``periods``.
    """
    processes = Processes(dataset, axes, path, periods)
    fields = _fields(dataset, axes, path, processes)
    named = {own: _short_name(own, array) for own, array in fields.items()}
    levelled = {own: axes.level in array.dims for own, array in fields.items()}
    shared = Counter((named[own], levelled[own]) for own in fields)
    placed: dict[str, Placed] = {}
    known = {}
    for own, array in fields.items():
        # Precipitation over 6 h and over 24 h are two: they are called as they are in the store.
        name = named[own] if shared[named[own], levelled[own]] == 1 else own
        known[name] = process = processes.of(name, own, array)
        for level in range(len(axes.levels)) if levelled[own] else [None]:
            variable = _variable(name, array, process, axes, level)
            if variable.name in placed:
                raise DataError(
                    f"{path}: {own} and {placed[variable.name].own} are both called {variable.name}.",
                    fix="Rename one of them in the store.",
                )
            placed[variable.name] = Placed(own, level, variable)
    processes.check_used(known)
    _warn_of_unsaid(path, [name for name, process in known.items() if process and process.over is None])
    return placed


def _fields(dataset: Any, axes: Axes, path: str, processes: Processes) -> dict[str, Any]:
    """The arrays that mean fields, by their names."""
    known = {axes.time, axes.lead, axes.member, axes.level, *axes.horizontal}
    fields, left = {}, {}
    # In the order of their names: that of a store is the order in which a directory is listed.
    for own, array in sorted(dataset.data_vars.items()):
        if array.dtype.kind not in "fiub" or not set(axes.horizontal) <= set(array.dims):
            continue
        if strange := [name for name in array.dims if name not in known and array.sizes[name] > 1]:
            left[str(own)] = f"along {strange[0]}"
        elif what := processes.strange(array):
            left[str(own)] = what
        else:
            fields[str(own)] = array
    if left:
        told = ", ".join(f"{own} ({what})" for own, what in left.items())
        warnings.warn(f"{path} has fields that are left out: {told}.", LeftOutWarning, stacklevel=5)
    return fields


def _short_name(own: str, array: Any) -> str:
    said = array.attrs.get("GRIB_shortName")
    return parameter(own)[0] or (str(said) if said and said != "unknown" else own)


def _variable(name: str, array: Any, process: Process | None, axes: Axes, level: int | None) -> Variable:
    constant = not axes.is_dated(array)
    role = Role.FORCING if constant else Role.PROGNOSTIC if process is None else Role.DIAGNOSTIC
    said: dict[str, Any] = {}
    if process is not None and process.over is not None:
        said[process.statistic] = process.over
    at = None if level is None else axes.levels[level]
    return Variable(
        name if at is None else level_name(name, at, axes.level_type),
        role=role,
        units=str(array.attrs["units"]) if array.attrs.get("units") else None,
        level=at,
        level_type=None if at is None else axes.level_type,
        constant=constant,
        **said,
    )


def _warn_of_unsaid(path: str, names: list[str]) -> None:
    if names:
        warnings.warn(
            f"{path} does not say over what time these are: {', '.join(names)}. They are read as they are, "
            "over an unknown time; their spacing does not tell it. "
            f"To say it: periods={{{names[0]}: 1h}}",
            UnsaidPeriodWarning,
            stacklevel=5,
        )
