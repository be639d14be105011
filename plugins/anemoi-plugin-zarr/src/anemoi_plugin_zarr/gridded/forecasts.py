"""Which of the dates of a store are read: all of them, or those of one forecast, or of one lead time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.errors import ConfigError, DataError, NotThereError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration, parse_date, parse_duration
from numpy.typing import NDArray

from .axes import Axes

_SHOWN = 4


class OrderWarning(UserWarning):
    """Times are read in another order than the store has them."""


@dataclass(frozen=True)
class Moments:
    """When the states of a store are valid, and where they lie.

    Parameters
    ----------
    times
        The valid times, equally spaced.
    frequency
        The time between them.
    place
        Their positions along :attr:`along`, ``(times,)``; -1 where there is none.
    along
        The dimension.
    fixed
        The position along the other one, of forecasts.
    """

    times: Times
    frequency: np.timedelta64
    place: NDArray[np.intp]
    along: str
    fixed: dict[str, int]


def choose(
    axes: Axes,
    attributes: dict[str, Any],
    path: str,
    base: str | None,
    step: str | None,
    frequency: str | None,
) -> Moments:
    """Choose the states of a store by the options ``base`` and ``step``.

    Raises
    ------
    NotThereError
        If there is no such forecast or lead time.
    DataError
        If there are no dates, or they are not equally spaced.
    ConfigError
        If there are several forecasts, and nothing chooses, or an option has no use.
    """
    if axes.time is None:
        raise DataError(f"{path} has no dimension of dates.", fix="Give a store with a coordinate of time.")
    if axes.lead is None:
        if base is not None or step is not None:
            raise ConfigError(
                f"{path} holds no forecasts: base and step choose nothing.", fix="Leave them out."
            )
        return _spaced(axes.times, axes.time, {}, attributes, path, frequency)
    if base is None and step is None and len(axes.leads) > 1 and len(axes.times) > 1:
        raise ConfigError(
            f"{path} holds {len(axes.times)} forecasts of {len(axes.leads)} lead times.",
            fix=f"Take one forecast: base={format_date(axes.times[-1])}, or base=latest. "
            f"Or one lead time of all: step={format_duration(axes.leads[-1])}",
        )
    if base is not None and step is not None:
        raise ConfigError("base and step are given both.", fix="Give one: the other dimension is the time.")
    if step is not None or (base is None and len(axes.leads) == 1):
        at = 0 if step is None else _position(axes.leads, parse_duration(step), path, f"lead time {step}")
        return _spaced(axes.times + axes.leads[at], axes.time, {axes.lead: at}, attributes, path, frequency)
    if base is None or base == "latest":
        at = int(np.argmax(axes.times))
    else:
        at = _position(axes.times, parse_date(base), path, f"forecast from {base}")
    return _spaced(axes.times[at] + axes.leads, axes.lead, {axes.time: at}, attributes, path, frequency)


def _position(there: NDArray[Any], wanted: Any, path: str, what: str) -> int:
    found = np.flatnonzero(there == wanted)
    if not len(found):
        shown = [
            format_date(each) if there.dtype.kind == "M" else format_duration(each)
            for each in np.sort(there)[-_SHOWN:]
        ]
        raise NotThereError(
            f"{path} has no {what}.", fix=f"There are {len(there)}, the last ones {', '.join(shown)}."
        )
    return int(found[0])


def _spaced(
    there: Times,
    along: str,
    fixed: dict[str, int],
    attributes: dict[str, Any],
    path: str,
    frequency: str | None,
) -> Moments:
    """Put times in order, equally spaced, with those between that lack."""
    order = np.argsort(there, kind="stable")
    order = order[_filled(there[order], attributes)]
    times = there[order]
    if (np.diff(order) < 0).any():
        warnings.warn(f"{path}: the times are put in order.", OrderWarning, stacklevel=5)
    if not len(times):
        raise NotThereError(f"{path} has no dates with data yet.", fix="Try again later.")
    steps = np.diff(times)
    if len(steps):
        step = steps.min()
    elif frequency is not None:
        step = parse_duration(frequency)
    else:
        raise DataError(
            f"{path} has one time alone, {format_date(times[0])}.",
            fix="Say how far apart the states are meant to be: frequency=6h",
        )
    step = np.timedelta64(step, "s")
    if (odd := np.flatnonzero(steps % step)).size:
        raise DataError(
            f"The times of {path} are not equally spaced: {format_date(times[odd[0]])} is followed by "
            f"{format_date(times[odd[0] + 1])}, others by one {format_duration(step)} later.",
            fix="Write a store of those that are: xarray's sel and to_zarr.",
        )
    every: Times = np.arange(times[0], times[-1] + step, step)
    place = np.full(len(every), -1, dtype=np.intp)
    place[((times - times[0]) // step).astype(np.intp)] = order
    return Moments(every, step, place, along, fixed)


def _filled(times: Times, attributes: dict[str, Any]) -> NDArray[np.bool_]:
    """Which times have data: ARCO-ERA5 has a place for those up to 2050, and says how far it is."""
    within: NDArray[np.bool_] = np.ones(len(times), dtype=bool)
    for name, after in (("valid_time_start", True), ("valid_time_stop", False)):
        if name in attributes:
            said = np.datetime64(str(attributes[name]))
            # A day stands for all of it.
            if not after:
                said = said + 1
            within &= (times >= said) if after else (times < said)
    return within
