"""What every source here is inside: one that reads a part of its variables and cells into given memory."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from anemoi.core.delegating import DelegatingSource
from anemoi.core.errors import NotThereError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_duration
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from .memory import empty

Index = NDArray[np.intp] | None
"""Positions along an axis, in the order wanted; None stands for all of them."""


class Reader(DataSource):
    """A data source whose parts can be read into a part of a larger array.

    So sources that are put together, and variables and cells that are chosen, cost no copy of their own.
    Arrays are in the order of the disk, ``(time, variable, ensemble, cell)``, until :meth:`read` turns them.
    """

    @property
    @abstractmethod
    def members(self) -> int:
        """How many ensemble members there are."""

    @property
    @abstractmethod
    def metadata(self) -> Mapping[str, Variable]:
        """What is known of each variable."""

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the variables, for those where they are known."""
        return {name: known.units for name, known in self.metadata.items() if known.units is not None}

    @abstractmethod
    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read into ``out``, ``(time, variable, ensemble, cell)``, which may be any view of an array.

        Parameters
        ----------
        out
            Where to.
        times
            Positions in :attr:`times`, in any order and each as often as it is wanted; none is missing.
        variables, cells
            Which ones, in the order wanted.

        Raises
        ------
        DataError
            If the data are damaged.
        """

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the states at ``times``, in any order, each as often as it is named.

        Returns
        -------
        NDArray
            ``(time, ensemble, grid, variable)`` float32, a view of memory in the order of the disk,
            ``(time, variable, ensemble, grid)``.

        Raises
        ------
        NotThereError
            If a time is absent or missing.
        DataError
            If its data are damaged.
        """
        positions = self._positions(times)
        out = empty((len(positions), len(self.variables), self.members, len(self.grid)))
        if len(positions):
            self.fill(out, positions, None, None)
        return out.transpose(0, 2, 3, 1)

    def _positions(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.intp]:
        asked = np.asarray(times, dtype="datetime64").reshape(-1)
        there = self.times
        # A finer time between two seconds must not be cut down to one that exists.
        index = np.searchsorted(there, asked.astype("datetime64[s]")).clip(max=len(there) - 1)
        absent = asked[there[index] != asked]
        if absent.size:
            raise NotThereError(
                f"{self} has no data for {absent[0]}: it holds {there[0]} to {there[-1]} "
                f"every {format_duration(self.frequency)}.",
                fix="Choose a time within that range.",
            )
        missing = self.missing
        lost = next((time for time in there[index] if time in missing), None) if missing else None
        if lost is not None:
            raise NotThereError(
                f"{self}: the data for {lost} are missing.",
                fix="Choose another time, or fill what is missing (fill_missing_dates).",
            )
        return np.asarray(index, dtype=np.intp)


class Foreign(DelegatingSource[DataSource], Reader):
    """Any other data source, as a reader: it reads whole states, of which the parts are then taken."""

    def __str__(self) -> str:
        return str(self._source) if type(self._source).__str__ is not object.__str__ else "The source"

    @cached_property
    def members(self) -> int:
        """As many as the first state has: a data source does not say it otherwise."""
        there = next(time for time in self.times if time not in self.missing)
        return int(self._source.read([there]).shape[1])

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read whole states, each once, and copy the parts."""
        wanted, number = np.unique(times, return_inverse=True)
        states = self._source.read(self.times[wanted]).transpose(0, 3, 1, 2)
        for state, into in zip(number, out, strict=True):
            take(states[state], variables, cells, into)


def reader(source: DataSource) -> Reader:
    """Give ``source`` as a reader: itself, where it is one."""
    return source if isinstance(source, Reader) else Foreign(source)


def take(state: NDArray[Any], variables: Index, cells: Index, out: NDArray[np.float32]) -> None:
    """Copy a part of ``state``, ``(variable, ensemble, cell)``, to ``out``."""
    if cells is None:
        out[...] = state if variables is None else state[variables]
        return
    for to, variable in enumerate(range(len(state)) if variables is None else variables):
        for member, field in enumerate(state[variable]):
            out[to, member] = field[cells]


def derived(sources: Sequence[DataSource], **how: Any) -> dict[str, Any]:
    """Give the provenance of what is made from ``sources``: its identity follows from theirs and from how.

    The licences and attributions of all of them hold for it.
    """
    parents = [dict(source.provenance) for source in sources]
    recipe = json.dumps([[parent["identity"] for parent in parents], how], sort_keys=True, default=str)
    terms = {
        name: list(dict.fromkeys(str(parent[name]) for parent in parents if parent.get(name)))
        for name in ("licence", "attribution")
    }
    return {
        "kind": "dataset",
        "identity": f"sha256:{hashlib.sha256(recipe.encode()).hexdigest()}",
        "derivation": how,
        "parents": parents,
        **{name: "; ".join(values) for name, values in terms.items() if values},
    }
