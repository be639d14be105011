"""The source ``zarr``: reads a data set in the anemoi-datasets Zarr layout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics, Times
from anemoi.core.times import format_duration
from numpy.typing import NDArray

from .layout import read_layout
from .store import one_line, open_group


class ZarrSource(DataSource):
    """A data set in the anemoi-datasets Zarr layout, in a directory or a zip file.

    It may be pickled, and used after a fork: each process opens the store for itself.

    Parameters
    ----------
    path
        Where the data set is.

    Raises
    ------
    DataError
        If it is not there, or not a whole data set: it names the array or the attribute that is
        wrong. Opening reads and checks everything but the data.
    """

    def __init__(self, *, path: str) -> None:
        self._path = Path(path).expanduser().absolute()
        group = open_group(self._path)
        self._layout = read_layout(group, self._path)
        self._open(group)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in the order that the data set has them."""
        return self._layout.variables

    @property
    def times(self) -> Times:
        """Every time of the data set, the missing ones included."""
        return self._layout.times

    @property
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""
        return self._layout.frequency

    @property
    def grid(self) -> Grid:
        """The points of the data set, in its order."""
        return self._layout.grid

    @property
    def statistics(self) -> Statistics:
        """The statistics that the data set carries."""
        return self._layout.statistics

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """The times that the data set says it has no data for."""
        return self._layout.missing

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The identity of the data set, and what it tells of its origin."""
        return self._layout.provenance

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the variables whose metadata have them."""
        return self._layout.units

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the states at ``times``, in any order, each as often as it is named.

        Neighbouring times are read together. NaNs in the data are handed on.

        Returns
        -------
        NDArray
            ``(time, ensemble, grid, variable)`` float32.

        Raises
        ------
        DataError
            If a time is absent or missing, or its data are damaged.
        """
        wanted, place = np.unique(self._indices(times), return_inverse=True)
        layout = self._layout
        fields = np.empty(
            (len(wanted), layout.members, len(layout.grid), len(layout.variables)), dtype=np.float32
        )
        for run in np.split(np.arange(len(wanted)), np.flatnonzero(np.diff(wanted) != 1) + 1):
            if run.size:
                first, last = int(wanted[run[0]]), int(wanted[run[-1]])
                # (time, variable, ensemble, cell) on disk
                fields[run[0] : run[-1] + 1] = self._read_run(first, last).transpose(0, 2, 3, 1)
        return fields if np.array_equal(place, np.arange(len(wanted))) else fields[place]

    def _indices(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.intp]:
        asked = np.asarray(times, dtype="datetime64").reshape(-1)
        there = self._layout.times
        # A finer time between two seconds must not be cut down to one that exists.
        index = np.searchsorted(there, asked.astype("datetime64[s]")).clip(max=len(there) - 1)
        absent = asked[there[index] != asked]
        if absent.size:
            raise DataError(
                f"{self._path} has no data for {absent[0]}: it holds {there[0]} to {there[-1]} "
                f"every {format_duration(self.frequency)}.",
                fix="Choose a time within that range.",
            )
        lost = next((time for time in there[index] if time in self._layout.missing), None)
        if lost is not None:
            raise DataError(
                f"{self._path}: the data for {lost} are missing, says its attribute 'missing_dates'.",
                fix="Choose another time.",
            )
        return index

    def _read_run(self, first: int, last: int) -> NDArray[Any]:
        if self._process != os.getpid():
            self._open(open_group(self._path))
        try:
            return np.asarray(self._data[first : last + 1])
        # A damaged or vanished chunk is whatever error the codec or the file system makes of it.
        except Exception as error:
            raise DataError(
                f"{self._path}: the data from {self.times[first]} to {self.times[last]} cannot be read: "
                f"{one_line(error)}",
                fix="The data set is damaged: copy or make it again.",
            ) from error

    def _open(self, group: Any) -> None:
        self._data = group["data"]
        # Processes that share one open zip file move each other's position in it.
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_data": None, "_process": None}
