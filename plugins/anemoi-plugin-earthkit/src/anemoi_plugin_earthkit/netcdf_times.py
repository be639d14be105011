"""When the fields of a NetCDF variable are valid."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.conventions import over_time
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from .fields import INSTANT, NEVER

_REFERENCE = "forecast_reference_time"

_PROCESSES: Final = {None: INSTANT, "sum": "accum", "mean": "avg", "maximum": "max", "minimum": "min"}
"""The cell methods of the CF conventions, as ecCodes calls them."""

Axis = tuple[tuple[str, ...], NDArray[np.int64]]
"""Seconds since 1970 along some dimensions."""


class OrderWarning(UserWarning):
    """Times are read in another order than the file has them."""


@dataclass(frozen=True)
class Validity:
    """The times of a variable, each along some of its dimensions; None where it has none.

    Parameters
    ----------
    time
        When it is valid; of an accumulation the end.
    start
        When an accumulation begins.
    base
        When the forecast began.
    process
        As what is :class:`~anemoi_plugin_earthkit.fields.Described`.
    """

    time: Axis | None
    start: Axis | None
    base: Axis | None
    process: str

    def at(self, index: Mapping[str, int]) -> tuple[int, int, int]:
        """Give time, start and base of a field, by its position along each dimension."""
        time, start, base = (
            NEVER if axis is None else int(axis[1][tuple(index[name] for name in axis[0])])
            for axis in (self.time, self.start, self.base)
        )
        return time, start, base


def time_dimensions(array: Any, path: Path) -> tuple[str, ...]:
    """List the dimensions of a variable along which time goes.

    Raises
    ------
    DataError
        If the times are of a calendar that the weather does not follow.
    """
    for name, coordinate in array.coords.items():
        if coordinate.dtype == object and coordinate.attrs.get("standard_name") in (None, "time"):
            calendar = getattr(coordinate.values.flat[0], "calendar", None)
            if calendar is not None:
                raise DataError(
                    f"{path}: {name} of {array.name} has the calendar {calendar}, which is not supported.",
                    fix="Write it with the calendar standard.",
                )
    dated = {name for each in array.coords.values() if each.dtype.kind in "mM" for name in each.dims}
    return tuple(name for name in array.dims if name in dated)


def validity(dataset: Any, array: Any, dimensions: tuple[str, ...], path: Path) -> Validity:
    """Find when the fields of a variable are valid.

    It is the coordinate ``valid_time``, or else the one with the standard name ``time``, plus a lead time
    where there is one. A variable with the cell method ``time: sum`` is accumulated over the bounds
    of its times.

    Raises
    ------
    DataError
        If a time is missing, or more than one coordinate could be the time.
    """
    dates = {str(name): each for name, each in array.coords.items() if each.dtype.kind == "M"}
    leads = [each for each in array.coords.values() if each.dtype.kind == "m"]
    if not dates:
        if dimensions:
            raise DataError(
                f"{path}: {array.name} has lead times, but no date.", fix="Add a coordinate valid_time."
            )
        return Validity(None, None, None, _process(array))
    standard = [each for each in dates.values() if each.attrs.get("standard_name") == "time"]
    chosen = dates.get("valid_time")
    if chosen is None:
        candidates = standard or list(dates.values())
        if len(candidates) > 1:
            raise DataError(
                f"{path}: {array.name} has several times: {', '.join(sorted(dates))}.",
                fix="Give the one when it is valid the standard_name time.",
            )
        chosen = candidates[0]
    _check_dates(chosen, array, path)
    base = chosen
    began = [each for each in dates.values() if each.attrs.get("standard_name") == _REFERENCE]
    shifted = chosen.name != "valid_time" and bool(leads) and not set(leads[0].dims) & set(chosen.dims)
    if shifted:
        chosen = chosen + leads[0]
    time, start = _axis(chosen), None
    bounds, process = dataset.variables.get(base.attrs.get("bounds")), _process(array)
    if bounds is not None and bounds.dtype.kind == "M" and process != INSTANT and not shifted:
        ends = bounds.values.astype("M8[s]").astype(np.int64)
        start, time = (tuple(base.dims), ends[..., 0]), (tuple(base.dims), ends[..., 1])
    if base.name == "valid_time" and "time" in dates:  # the start of the forecast, whatever it is called
        base = dates["time"]
    return Validity(time, start, _axis(began[0] if began else base), process)


def _process(array: Any) -> str:
    """What a variable says that its values are over time, as ecCodes calls it."""
    dated = [each for each in array.coords.values() if each.dtype.kind in "mM"]
    names = {str(name) for each in dated for name in (each.name, *each.dims)}
    method = over_time(array.attrs, names)
    return _PROCESSES.get(method, str(method))


def _axis(coordinate: Any) -> Axis:
    return tuple(coordinate.dims), coordinate.values.astype("M8[s]").astype(np.int64)


def _check_dates(coordinate: Any, array: Any, path: Path) -> None:
    values = coordinate.values.astype("M8[s]")
    if np.isnat(values).any():
        raise DataError(
            f"{path}: a time of {array.name} ({coordinate.name}) is missing.", fix="Make the file again."
        )
    if values.ndim == 1 and (np.diff(values) < np.timedelta64(0, "s")).any():
        warnings.warn(
            f"{path}: the times of {array.name} ({coordinate.name}) are put in order.",
            OrderWarning,
            stacklevel=2,
        )
