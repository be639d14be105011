"""Writes a data set in the anemoi-datasets Zarr layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_duration
from numpy.typing import NDArray

from .running import RunningStatistics
from .store import create_array, create_group

_LAYOUT_VERSION = "0.22"
"""The version of the layout, as anemoi-datasets counts it, that is written here."""


class LayoutWriter:
    """Writes the states of one data set in order of time, then all that describes them.

    Until :meth:`finish`, what is on disk has no attributes, and so is no data set to any reader.

    Parameters
    ----------
    path
        The directory to write in, which is emptied.
    variables, grid, units
        As those of a data source.
    members
        How many ensemble members there are.
    times
        Those that will be written, at equal intervals.
    frequency
        That interval.
    statistics_times
        How many of the first times the statistics are taken over; all of them by default.
    chunk_times
        How many times are stored together.
    filters
        The numcodecs filters that the data pass before they are compressed.
    """

    def __init__(
        self,
        path: Path,
        *,
        variables: Sequence[str],
        grid: Grid,
        units: Mapping[str, str],
        members: int,
        times: Times,
        frequency: np.timedelta64,
        statistics_times: int | None = None,
        chunk_times: int = 1,
        filters: list[Any] | None = None,
    ) -> None:
        self._variables, self._grid, self._units = tuple(variables), grid, units
        self._times, self._frequency = times, frequency
        self._statistics_times = len(times) if statistics_times is None else statistics_times
        self._statistics = RunningStatistics(len(self._variables))
        self._written = 0
        self._group = create_group(path)
        shape = (len(times), len(self._variables), members, len(grid))
        self._data = create_array(
            self._group,
            "data",
            dimensions=("time", "variable", "ensemble", "cell"),
            shape=shape,
            chunks=(chunk_times, shape[1], 1, shape[3]),
            dtype="float32",
            filters=filters,
        )

    def write(self, fields: NDArray[np.float32]) -> None:
        """Write the states of the next times, ``(time, ensemble, grid, variable)``."""
        first, last = self._written, self._written + len(fields)
        self._data[first:last] = fields.transpose(0, 3, 1, 2)
        counted = fields[: max(self._statistics_times - first, 0)]
        if len(counted):
            self._statistics.update(counted)
        self._written = last

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write the other arrays and the attributes, those given in addition to those of the layout."""
        for name, values in vars(self._statistics.result()).items():
            create_array(self._group, name, dimensions=("variable",), values=values)
        create_array(self._group, "latitudes", dimensions=("cell",), values=self._grid.latitudes)
        create_array(self._group, "longitudes", dimensions=("cell",), values=self._grid.longitudes)
        times = self._times.astype("datetime64[s]")
        create_array(self._group, "dates", dimensions=("time",), values=times)
        self._group.attrs.update(
            {
                "version": _LAYOUT_VERSION,
                "variables": list(self._variables),
                "variables_metadata": {
                    name: {"units": self._units[name]} if name in self._units else {}
                    for name in self._variables
                },
                "dimensions": ["dates", "variables", "ensembles", "values"],
                "dtype": "float32",
                "shape": list(self._data.shape),
                "chunks": list(self._data.chunks),
                "frequency": format_duration(self._frequency),
                "start_date": str(times[0]),
                "end_date": str(times[-1]),
                "missing_dates": [],
                "statistics_start_date": str(times[0]),
                "statistics_end_date": str(times[self._statistics_times - 1]),
                "field_shape": list(self._grid.field_shape or (len(self._grid),)),
                "resolution": None,
                "allow_nans": False,
                "constant_fields": [],
                **attributes,
            }
        )
