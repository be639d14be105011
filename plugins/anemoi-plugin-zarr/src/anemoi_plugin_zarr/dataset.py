"""A whole data set in the anemoi-datasets Zarr layout, as a reader."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics, Times
from anemoi.core.times import format_date
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from .chunks import Chunks, fetcher, find_chunks
from .faults import is_unreachable, one_line
from .gridded import is_gridded
from .layout import read_changes, read_layout
from .reader import Index, Reader, take
from .store import local_path, open_group


class Dataset(Reader):
    """All of a data set. It may be pickled, and used after a fork: each process opens the store for itself.

    Parameters
    ----------
    path
        Where it is: a directory, a zip file, or the address of an object store.
    group
        The Zarr group there, if it is open already.

    Raises
    ------
    DataError
        If it is not there, or not a whole data set: it names the array or the attribute that is wrong.
        Opening reads and checks everything but the data.
    """

    def __init__(self, path: str, group: Any = None) -> None:
        self._path = path
        group = open_group(path) if group is None else group
        if is_gridded(group):
            raise DataError(
                f"{path} is a Zarr store of {', '.join(sorted(group)[:6]) or 'nothing'}, no data set in the "
                "anemoi-datasets layout.",
                fix=f"If it has fields along dimensions of time, make a data set of it: "
                f"anemoi data create {path} OUT.zarr",
            )
        self._layout = read_layout(group, path)
        self._open(group)

    def __str__(self) -> str:
        return self._path

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
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """The statistics of changes that the data set carries."""
        return read_changes(open_group(self._path), self._path, len(self.variables))

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The dates that the statistics are of, where the data set tells them and has them."""
        return self._layout.statistics_period

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """The times that the data set says it has no data for."""
        return self._layout.missing

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The identity of the data set, where it lies, and what it tells of its origin."""
        local = local_path(self._path)
        return {**self._layout.provenance, "path": self._path if local is None else str(local)}

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """What the data set says of each variable."""
        return self._layout.metadata

    @property
    def members(self) -> int:
        """How many ensemble members there are."""
        return self._layout.members

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read into ``out``. NaNs are handed on, unless the data set says that it has none."""
        if self._process != os.getpid():
            self._open(open_group(self._path))
        check = None if self._layout.allow_nans else self._refuse_nans
        try:
            if self._chunks is not None:
                self._chunks.read(out, times, variables, cells, check)
            else:
                self._read_runs(out, times, variables, cells)
                if check is not None:
                    for state, time in zip(out, times, strict=True):
                        check(state, time)
        except DataError:
            raise
        # A damaged or vanished chunk is whatever error the codec or the file system makes of it.
        except Exception as error:
            first, last = self.times[times.min()], self.times[times.max()]
            if is_unreachable(error):
                raise NotThereError(
                    f"{self}: the data from {first} to {last} cannot be read: {one_line(error)}",
                    fix="The object store does not answer, or does not have them: try again later.",
                ) from error
            raise DataError(
                f"{self}: the data from {first} to {last} cannot be read: {one_line(error)}",
                fix="The data set is damaged or gone: copy or make it again. "
                f"To see all that is wrong with it: anemoi data check {self}",
            ) from error

    def _read_runs(
        self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index
    ) -> None:
        """Read neighbouring times together, each once, by Zarr itself."""
        wanted = np.unique(times)
        for run in np.split(wanted, np.flatnonzero(np.diff(wanted) != 1) + 1):
            states = np.asarray(self._data[int(run[0]) : int(run[-1]) + 1])
            for time, state in zip(run, states, strict=True):
                for place in np.flatnonzero(times == time):
                    take(state, variables, cells, out[place])

    def _refuse_nans(self, state: NDArray[np.float32], time: np.intp) -> None:
        # The largest value is NaN if any is: one pass, and no array of truth values.
        if np.isnan(state.max()):
            raise DataError(
                f"{self}: the data for {format_date(self.times[time])} have NaNs, but its attribute "
                "'allow_nans' says that there are none.",
                fix="A chunk is damaged or was never written: copy or make the data set again. "
                f"To see all that is wrong with it: anemoi data check {self}",
            )

    def _open(self, group: Any) -> None:
        self._data = group["data"]
        local = local_path(self._path)
        self._chunks: Chunks | None
        try:
            self._chunks = None if local is None else find_chunks(fetcher(local), self._data.shape)
        # Zarr has opened it: what is unusual to us is Zarr's to read.
        except (ValueError, KeyError, TypeError, ImportError):
            self._chunks = None
        # Processes that share one open zip file move each other's position in it.
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_data": None, "_chunks": None, "_process": None}
