"""What the variables of a store are of some time, and what time that is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from anemoi.core.conventions import over_time
from anemoi.core.errors import DataError
from anemoi.core.times import format_duration, parse_duration
from anemoi.core.variable import CELL_METHODS

from .axes import Axes
from .parameters import SUMS, parameter

_STATISTICS: Final = {method: statistic for statistic, method in CELL_METHODS.items()}


class Process(NamedTuple):
    """What is done to the values of some time to make one.

    Parameters
    ----------
    statistic
        The field of :class:`~anemoi.core.variable.Variable` that says it.
    over
        The time; None if it is not known.
    """

    statistic: str
    over: np.timedelta64 | None


class Processes:
    """What is done to the values of some time to make those of each variable.

    Parameters
    ----------
    dataset
        The store, as xarray has it.
    axes
        What its dimensions mean.
    path
        Where it is, for errors.
    periods
        What time variables are over where the store does not say it: ``{tp: 1h}``.
    """

    def __init__(self, dataset: Any, axes: Axes, path: str, periods: Mapping[str, str]) -> None:
        self._dataset, self._axes, self._path = dataset, axes, path
        self._said = {name: parse_duration(text) for name, text in periods.items()}

    def strange(self, array: Any) -> str | None:
        """Why a variable cannot be read, in words; None if it can."""
        method = self._method(array)
        if method is not None and method not in _STATISTICS:
            return f"{method} over time"
        lengths = [] if method is None else self._lengths()
        return f"over {', '.join(map(format_duration, lengths))}" if len(lengths) > 1 else None

    def of(self, name: str, own: str, array: Any) -> Process | None:
        """Find what a variable is; None for values at one time.

        Parameters
        ----------
        name
            What it is called here, without a level.
        own
            What it is called in the store.
        array
            The variable, which is not strange.

        Raises
        ------
        DataError
            If the store says another time than the user.
        """
        said, found = self._said.get(name), self._found(own, array)
        if said is None:
            return found
        if found is None:
            raise DataError(
                f"{name} in {self._path} is no sum, mean or extreme over some time (periods).",
                fix="Leave it out of periods. A store says it by cell_methods: time: sum",
            )
        if found.over not in (None, said):
            raise DataError(
                f"{name} in {self._path} is over {format_duration(found.over)}, not {format_duration(said)} "
                "(periods).",
                fix="Leave it out of periods: the store says it.",
            )
        return Process(found.statistic, said)

    def check_used(self, names: Collection[str]) -> None:
        """See that the store has all variables that the user says the time of."""
        if absent := sorted(self._said.keys() - set(names)):
            raise DataError(
                f"{self._path} has no {', '.join(absent)} (periods).",
                fix=f"It has {', '.join(names)}; levels are not named.",
            )

    def _found(self, own: str, array: Any) -> Process | None:
        if not self._axes.is_dated(array):
            return None
        short_name, over = parameter(own)
        method = self._method(array)
        if over is not None:
            return Process("accumulated", over)
        if method is not None:
            return Process(_STATISTICS[method], next(iter(self._lengths()), None))
        return Process("accumulated", None) if short_name in SUMS else None

    def _method(self, array: Any) -> str | None:
        axes = self._axes
        along = [str(name) for name in (axes.time, axes.lead) if name is not None]
        return over_time(array.attrs, along) if axes.is_dated(array) else None

    def _lengths(self) -> list[np.timedelta64]:
        """How long the times are that the bounds of the dates tell; nothing of those of forecasts' starts."""
        variables = self._dataset.variables
        if self._axes.lead is not None:
            return []
        bounds = variables.get(variables[self._axes.time].attrs.get("bounds"))
        if bounds is None or bounds.dtype.kind != "M" or bounds.ndim != 2:
            return []
        minutes = np.rint(np.diff(bounds.values, axis=-1) / np.timedelta64(1, "m"))
        return list(np.unique(minutes.astype("m8[m]")).astype("m8[s]"))
