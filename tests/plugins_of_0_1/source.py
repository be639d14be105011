"""The data source ``old-source``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource, Statistics, Times
from numpy.typing import NDArray
from scipy.io import netcdf_file

COORDINATES = ("time", "latitude", "longitude")
UNITS = re.compile(r"(seconds|minutes|hours|days) since (\d{4}-\d{1,2}-\d{1,2})(?:[ T]([\d:]+)\S*)?$")
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


class OldSource(DataSource):
    """States in a file in classic NetCDF, with names and units as the CF conventions have them.

    Every variable with the dimensions ``(time, latitude, longitude)``, or ``(time, ...)`` where latitude
    and longitude have one dimension in common, is a variable of the states. Times that the file leaves out
    are missing.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DataError
        If it is not there, is no such file, or does not hold states at equally spaced times.
    """

    def __init__(self, *, path: str) -> None:
        self._path = Path(path).expanduser()
        with self._open() as file:
            header = _header(file, path)
        self._stored, self._grid, self._units = header
        steps = np.diff(self._stored)
        if not len(steps) or steps.min() <= np.timedelta64(0) or (steps % steps.min()).any():
            raise DataError(f"The times in {path} are not equally spaced.")
        self._frequency = np.timedelta64(steps.min(), "s")
        self._times = np.arange(self._stored[0], self._stored[-1] + self._frequency, self._frequency)

    @property
    def variables(self) -> tuple[str, ...]:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return tuple(self._units)

    @property
    def times(self) -> Times:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return self._times

    @property
    def frequency(self) -> np.timedelta64:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return self._frequency

    @property
    def grid(self) -> Grid:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return self._grid

    @property
    def units(self) -> Mapping[str, str]:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return {name: units for name, units in self._units.items() if units}

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """See :class:`anemoi.core.interfaces.data_source.DataSource`."""
        return frozenset(self._times[~np.isin(self._times, self._stored)])

    @cached_property
    def statistics(self) -> Statistics:
        """Those of all that the file holds; it is read once, when they are first asked for."""
        total, squares = np.zeros((2, len(self.variables)))
        minimum, maximum = np.full((2, len(self.variables)), [[np.inf], [-np.inf]])
        for time in self._stored:
            state = self.read([time])[0, 0].astype(np.float64)  # (grid, variable)
            total += state.mean(axis=0)
            squares += np.square(state).mean(axis=0)
            minimum, maximum = np.minimum(minimum, state.min(axis=0)), np.maximum(maximum, state.max(axis=0))
        mean = total / len(self._stored)
        stdev = np.sqrt(np.maximum(squares / len(self._stored) - np.square(mean), 0.0))
        return Statistics(mean=mean, stdev=stdev, minimum=minimum, maximum=maximum)

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """What identifies the data: the hash of the file."""
        digest = hashlib.sha256()
        with self._path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return {"identity": f"sha256:{digest.hexdigest()}", "file": self._path.name}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """See :meth:`anemoi.core.interfaces.data_source.DataSource.read`."""
        asked = np.asarray(times, dtype="datetime64[s]")
        for time in asked[~np.isin(asked, self._stored)]:
            what = "is missing from" if time in self._times else "is not in"
            raise DataError(f"{time} {what} {self._path}: {self._times[0]} to {self._times[-1]}.")
        index = np.searchsorted(self._stored, asked)
        fields = np.empty((len(asked), 1, len(self.grid), len(self.variables)), dtype=np.float32)
        with self._open() as file:
            for number, name in enumerate(self.variables):
                # One state after another, so that no more is read from the disk than was asked for.
                for row, time in enumerate(index):
                    fields[row, 0, :, number] = file.variables[name].data[time].ravel()
        return fields

    def _open(self) -> netcdf_file:
        # Anew each time, so that the source can be pickled and shared among processes; and mapped into
        # memory, so that no more is read than was asked for.
        try:
            return netcdf_file(self._path, "r", mmap=True)
        except (OSError, TypeError, ValueError) as error:
            raise DataError(f"{self._path} cannot be read as classic NetCDF: {error}.") from error


def _header(file: netcdf_file, path: str) -> tuple[Times, Grid, dict[str, str]]:
    """Copy the times, the grid and the units of the variables, so that the file can be closed."""
    found = file.variables
    absent = [name for name in COORDINATES if name not in found]
    if absent:
        raise DataError(f"{path} has no variable {', '.join(absent)}.")
    latitudes, longitudes = (found[name].data.astype(np.float64) for name in ("latitude", "longitude"))
    place = found["latitude"].dimensions
    if place != found["longitude"].dimensions:
        place = ("latitude", "longitude")
        latitudes, longitudes = np.meshgrid(latitudes, longitudes, indexing="ij")
    wanted = ("time", *place)
    units = {name: _units(each) for name, each in found.items() if each.dimensions == wanted}
    if not units:
        raise DataError(f"{path} has no variable with the dimensions {wanted}.")
    times = _times(found["time"].data, _units(found["time"]), path)
    return times, Grid(latitudes.ravel(), longitudes.ravel(), latitudes.shape), units


def _units(variable: Any) -> str:
    return str(getattr(variable, "units", b"").decode())


def _times(values: NDArray[Any], units: str, path: str) -> Times:
    """Turn numbers such as hours since 1900-01-01 into times."""
    match = UNITS.match(units)
    if match is None:
        raise DataError(f"The units of time in {path} are {units!r}, not such as 'hours since 1900-01-01'.")
    year, month, day = match[2].split("-")
    clock = zip((match[3] or "0").split(":"), (3600, 60, 1), strict=False)
    start = np.datetime64(f"{year}-{month:0>2}-{day:0>2}", "s") + sum(int(one) * size for one, size in clock)
    since: Times = start + np.round(values * float(SECONDS[match[1]])).astype("timedelta64[s]")
    return since
