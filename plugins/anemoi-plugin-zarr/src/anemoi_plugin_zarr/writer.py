"""Writes a data set in the anemoi-datasets Zarr layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics, Times
from anemoi.core.moments import Moments
from anemoi.core.times import format_duration
from numpy.typing import NDArray

from .constancy import Constancy
from .layout import tendency
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
        self._moments = Moments.none(len(self._variables))
        self._with_nans = np.zeros(len(self._variables), dtype=bool)
        self._constancy: Constancy | None = None
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
        states = fields.transpose(0, 3, 1, 2)
        self._data[first:last] = states
        for state in states:
            if self._constancy is None:
                self._constancy = Constancy(state.copy())
            else:
                self._constancy.add(state)
        for state in states[: max(self._statistics_times - first, 0)]:
            self._moments += Moments.of(state)
        self._with_nans |= np.isnan(states).any(axis=(0, 2, 3))
        self._written = last

    @property
    def constant(self) -> frozenset[str]:
        """The variables that are the same in all states written; none where there is one state."""
        constant = None if self._constancy is None else self._constancy.constant
        found = np.zeros(len(self._variables), dtype=bool) if constant is None else constant
        return frozenset(np.array(self._variables)[found].tolist())

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write the other arrays and the attributes, those given in addition to those of the layout."""
        with_nans = [name for name, some in zip(self._variables, self._with_nans, strict=True) if some]
        describe(
            self._group,
            variables=self._variables,
            grid=self._grid,
            units=self._units,
            times=self._times,
            frequency=self._frequency,
            statistics=self._moments.statistics(),
            statistics_period=self._times[[0, self._statistics_times - 1]],
            attributes={
                "variables_with_nans": with_nans,
                "allow_nans": with_nans or False,
                "constant_fields": sorted(self.constant),
                **attributes,
            },
        )


def describe(
    group: Any,
    *,
    variables: Sequence[str],
    grid: Grid,
    units: Mapping[str, str],
    times: Times,
    frequency: np.timedelta64,
    statistics: Statistics,
    statistics_period: Times,
    attributes: Mapping[str, Any],
    tendencies: Mapping[np.timedelta64, Statistics] | None = None,
) -> None:
    """Write all of a data set but its data, the attributes last: without them it is none to any reader.

    Parameters
    ----------
    group
        The Zarr group, which holds ``data``.
    variables, grid, units, times, frequency, statistics
        As those of a data source.
    statistics_period
        The first and the last time that the statistics are taken over.
    attributes
        Those in addition to the ones of the layout.
    tendencies
        The statistics of the changes over some durations.
    """
    arrays = {
        **{name: (("variable",), values) for name, values in vars(statistics).items()},
        **{
            tendency(duration, name): (("variable",), values)
            for duration, changes in (tendencies or {}).items()
            for name, values in vars(changes).items()
        },
        "latitudes": (("cell",), grid.latitudes),
        "longitudes": (("cell",), grid.longitudes),
        "dates": (("time",), times.astype("datetime64[s]")),
    }
    for name, (dimensions, values) in arrays.items():
        create_array(group, name, dimensions=dimensions, values=values)
    data = group["data"]
    first, last = statistics_period.astype("datetime64[s]")
    group.attrs.update(
        {
            "version": _LAYOUT_VERSION,
            "variables": list(variables),
            "variables_metadata": {
                name: {"units": units[name]} if name in units else {} for name in variables
            },
            "dimensions": ["dates", "variables", "ensembles", "values"],
            "dtype": "float32",
            "shape": list(data.shape),
            "chunks": list(data.chunks),
            "frequency": format_duration(frequency),
            "start_date": str(times[0].astype("datetime64[s]")),
            "end_date": str(times[-1].astype("datetime64[s]")),
            "missing_dates": [],
            "statistics_start_date": str(first),
            "statistics_end_date": str(last),
            "field_shape": list(grid.field_shape or (len(grid),)),
            "resolution": None,
            "constant_fields": [],
            **attributes,
        }
    )
