"""The anemoi-datasets Zarr layout: what its arrays and attributes say, read and checked.

A data set is one Zarr group with the arrays ``data`` ``(time, variable, ensemble, cell)``,
``dates`` ``(time,)``, ``latitudes`` and ``longitudes`` ``(cell,)`` in degrees, and ``mean``,
``stdev``, ``minimum`` and ``maximum`` ``(variable,)``; its attributes name the variables and
tell the frequency, the missing dates, what is known of each variable and where the data come from.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics, Times
from anemoi.core.times import format_duration, parse_date, parse_duration
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from .faults import one_line
from .limits import check_array
from .metadata import read_variable

T = TypeVar("T")

_STATISTICS = ("mean", "stdev", "minimum", "maximum")
_REQUIRED = object()
_PACKING = frozenset({"scale_factor", "add_offset", "valid_range", "valid_min", "valid_max"})


@dataclass(frozen=True)
class Layout:
    """All of a data set but its data."""

    variables: tuple[str, ...]
    times: Times
    frequency: np.timedelta64
    missing: frozenset[np.datetime64]
    members: int
    grid: Grid
    statistics: Statistics
    statistics_period: tuple[np.datetime64, np.datetime64] | None
    metadata: Mapping[str, Variable]
    allow_nans: bool
    provenance: Mapping[str, Any]


def read_layout(group: Any, path: str) -> Layout:
    """Read and check the layout of the data set ``group``, without reading a chunk of its data.

    Raises
    ------
    DataError
        If an array or an attribute is absent, malformed, or at odds with the others: it names
        ``path``, the array or attribute, and what to do.
    """
    reader = _Reader(group, path)
    shape = reader.data_shape()
    variables = reader.variables()
    if len(variables) != shape[1]:
        raise reader.refuse(f"attribute 'variables' names {len(variables)}, but 'data' holds {shape[1]}")
    frequency = reader.attribute("frequency", _frequency)
    times = reader.times(shape[0], frequency)
    missing = reader.attribute("missing_dates", _dates, default=[])
    latitudes, longitudes = (reader.coordinate(name, shape[3]) for name in ("latitude", "longitude"))
    field_shape = reader.attribute("field_shape", _shape, default=None)
    if field_shape is not None and np.prod(field_shape) != shape[3]:
        raise reader.refuse(f"attribute 'field_shape' is {field_shape}, but 'data' holds {shape[3]} cells")
    try:
        grid = Grid(latitudes, longitudes, field_shape)
    except DataError as error:
        raise reader.refuse(f"'latitudes' and 'longitudes' make no grid: {error.what}") from error
    statistics = Statistics(**{name: reader.numbers(name, shape[1]) for name in _STATISTICS})
    return Layout(
        variables=variables,
        times=times,
        frequency=frequency,
        missing=missing & frozenset(times),
        members=shape[2],
        grid=grid,
        statistics=statistics,
        statistics_period=reader.statistics_period(times),
        metadata=reader.metadata(variables),
        # Where nothing is said, NaNs are nobody's mistake.
        allow_nans=reader.attribute("allow_nans", _truth, default=True),
        provenance=reader.provenance(times, grid, statistics),
    )


def read_changes(group: Any, path: str, variables: int) -> dict[np.timedelta64, Statistics]:
    """Read the statistics of the changes of each variable over some durations, where there are any.

    Raises
    ------
    DataError
        If one of the arrays is absent or malformed.
    """
    reader = _Reader(group, path)
    found: dict[np.timedelta64, Statistics] = {}
    for name in group:
        match = re.fullmatch(r"statistics_tendencies_(\w+)_mean", name)
        if match is None:
            continue
        try:
            duration = parse_duration(match[1])
        except AnemoiError as error:
            raise reader.refuse(f"the name of array '{name}' is malformed: {error.what}") from error
        names = {each: f"statistics_tendencies_{match[1]}_{each}" for each in _STATISTICS}
        found[duration] = Statistics(**{each: reader.numbers(of, variables) for each, of in names.items()})
    return found


def tendency(duration: np.timedelta64, name: str) -> str:
    """What anemoi-datasets calls the array of a statistic of the changes over a duration."""
    days, rest = divmod(duration, np.timedelta64(1, "D"))
    return f"statistics_tendencies_{format_duration(duration) if rest else f'{days}d'}_{name}"


class _Reader:
    def __init__(self, group: Any, path: str) -> None:
        self.group, self.path, self.attributes = group, path, dict(group.attrs)

    def refuse(self, what: str) -> DataError:
        return DataError(
            f"{self.path}: {what}.",
            fix="It is not a whole data set in the anemoi-datasets layout: make it again, "
            "or correct it with the software that made it.",
        )

    def attribute(self, name: str, parse: Callable[[Any], T], default: Any = _REQUIRED) -> T:
        """Parse the attribute ``name``, or ``default`` where it is absent or null."""
        value = self.attributes.get(name)
        if value is None:
            if default is _REQUIRED:
                raise self.refuse(f"attribute '{name}' is missing")
            value = default
        try:
            return parse(value)
        except (AnemoiError, ValueError, TypeError, AttributeError) as error:
            raise self.refuse(f"attribute '{name}' is malformed: {error}") from error

    def array(self, name: str) -> Any:
        try:
            array = self.group[name]
        except KeyError as error:
            raise self.refuse(f"array '{name}' is missing") from error
        # Malformed metadata are whatever error the version of zarr makes of them.
        except Exception as error:
            raise self.refuse(f"array '{name}' cannot be opened: {one_line(error)}") from error
        if not hasattr(array, "dtype"):
            raise self.refuse(f"'{name}' is a group, but should be an array")
        return array

    def variables(self) -> tuple[str, ...]:
        """Read the names of the variables; older data sets have them in ``name_to_index``."""
        if "variables" not in self.attributes and "name_to_index" in self.attributes:
            return self.attribute("name_to_index", _indexed)
        return self.attribute("variables", _variables)

    def coordinate(self, name: str, length: int) -> NDArray[np.float64]:
        """Read an array of coordinates; older data sets have it in the singular."""
        return self.numbers(
            name if name in self.group and f"{name}s" not in self.group else f"{name}s", length
        )

    def data_shape(self) -> tuple[int, int, int, int]:
        data = self.array("data")
        if data.dtype.kind != "f":
            raise self.refuse(f"array 'data' holds {data.dtype}, but should hold floating-point numbers")
        if len(data.shape) != 4 or 0 in data.shape:
            raise self.refuse(f"array 'data' has shape {data.shape}, not (time, variable, ensemble, cell)")
        if said := sorted(_PACKING & set(data.attrs)):
            raise self.refuse(f"array 'data' has the attribute '{said[0]}', which this layout has not")
        check_array(self.path, data, whole=False)
        shape: tuple[int, int, int, int] = data.shape
        return shape

    def values(self, name: str, length: int, kind: str) -> NDArray[Any]:
        array = self.array(name)
        if array.shape != (length,):
            raise self.refuse(f"array '{name}' has shape {array.shape}, but 'data' asks for ({length},)")
        if array.dtype.kind not in kind:
            raise self.refuse(f"array '{name}' holds {array.dtype}, which it should not")
        check_array(self.path, array, whole=True)
        try:
            return np.asarray(array[...])
        # A damaged chunk is whatever error the codec or the file system makes of it.
        except Exception as error:
            raise self.refuse(f"array '{name}' cannot be read: {one_line(error)}") from error

    def numbers(self, name: str, length: int) -> NDArray[np.float64]:
        return self.values(name, length, "fiu").astype(np.float64)

    def times(self, length: int, frequency: np.timedelta64) -> Times:
        times = self.values("dates", length, "M").astype("datetime64[s]")
        if np.isnat(times).any():
            raise self.refuse("array 'dates' holds a value that is no date")
        wrong = np.flatnonzero(np.diff(times) != frequency)
        if wrong.size:
            i = wrong[0]
            raise self.refuse(
                f"array 'dates' does not increase by the attribute 'frequency' "
                f"({self.attributes['frequency']}): {times[i + 1]} follows {times[i]}"
            )
        return times

    def statistics_period(self, times: Times) -> tuple[np.datetime64, np.datetime64] | None:
        """Read the first and the last date that the statistics are of; None if those are of other data."""
        start, end = (
            self.attribute(f"statistics_{which}_date", _date, default=None) for which in ("start", "end")
        )
        if start is None or end is None:
            return None
        if end < start:
            raise self.refuse(f"attribute 'statistics_end_date' ({end}) is before the start ({start})")
        return (start, end) if times[0] <= start and end <= times[-1] else None

    def metadata(self, variables: tuple[str, ...]) -> dict[str, Variable]:
        """Read what is known of each variable."""
        constants = self.attribute("constant_fields", _some_names, default=[])
        with_nans = self.with_nans(variables)

        def read(metadata: Any) -> dict[str, Variable]:
            return {
                name: read_variable(
                    name,
                    metadata.get(name) or {},
                    constant=name in constants,
                    may_be_missing=name in with_nans,
                )
                for name in variables
            }

        return self.attribute("variables_metadata", read, default={})

    def with_nans(self, variables: tuple[str, ...]) -> frozenset[str]:
        """Read which variables may have NaNs; where they are allowed and nothing names them, all may."""
        if self.attributes.get("variables_with_nans") is not None:
            return self.attribute("variables_with_nans", _some_names)
        # Older data sets have an array of flags.
        if "has_nans" in self.group and self.array("has_nans").shape == (len(variables),):
            flags = self.values("has_nans", len(variables), "biuf")
            return frozenset(name for name, flag in zip(variables, flags, strict=True) if flag)
        allowed = self.attributes.get("allow_nans")
        if isinstance(allowed, list):
            return self.attribute("allow_nans", _some_names)
        return frozenset(variables) if allowed is True else frozenset()

    def provenance(self, times: Times, grid: Grid, statistics: Statistics) -> dict[str, Any]:
        """Gather what the attributes tell of the origin of the data, and what identifies them.

        The identity is the attribute ``uuid``, or where there is none a hash of all the metadata.
        """
        known = {
            name: self.attributes[name]
            for name in ("description", "licence", "attribution", "forecast")
            if self.attributes.get(name) is not None
        }
        known["kind"] = "dataset"
        known |= self.attribute("provenance", dict, default={})
        identity = self.attributes.get("uuid")
        if identity is None:
            digest = hashlib.sha256(json.dumps(self.attributes, sort_keys=True).encode())
            for array in (times, grid.latitudes, grid.longitudes, *vars(statistics).values()):
                digest.update(np.ascontiguousarray(array).tobytes())
            identity = f"sha256:{digest.hexdigest()}"
        return {**known, "identity": str(identity)}


def _variables(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{names!r} is no list of names")
    if len(set(names)) != len(names):
        raise ValueError(f"{names!r} names a variable twice")
    return tuple(names)


def _indexed(indices: Any) -> tuple[str, ...]:
    if not isinstance(indices, dict) or sorted(indices.values()) != list(range(len(indices))):
        raise ValueError(f"{indices!r} does not number the variables from zero")
    return _variables(sorted(indices, key=indices.__getitem__))


def _truth(value: Any) -> bool:
    # A list names the variables that may have NaNs.
    if not isinstance(value, bool | list):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _frequency(frequency: Any) -> np.timedelta64:
    # A number alone is in hours: so it is in older data sets.
    duration = parse_duration(f"{frequency}h" if str(frequency).isdigit() else frequency)
    if duration <= np.timedelta64(0):
        raise ValueError(f"{frequency!r} is not positive")
    return duration


def _dates(dates: Any) -> frozenset[np.datetime64]:
    if not isinstance(dates, list) or not all(isinstance(date, str) for date in dates):
        raise ValueError(f"{dates!r} is no list of dates")
    return frozenset(np.datetime64(date, "s") for date in dates)


def _shape(lengths: Any) -> tuple[int, ...] | None:
    if lengths is None:
        return None
    if not isinstance(lengths, list) or not all(type(length) is int and length > 0 for length in lengths):
        raise ValueError(f"{lengths!r} is no list of lengths")
    return tuple(lengths)


def _date(date: Any) -> np.datetime64 | None:
    return None if date is None else parse_date(date)


def _some_names(names: Any) -> frozenset[str]:
    return frozenset(_variables(list(dict.fromkeys(names)))) if names else frozenset()
