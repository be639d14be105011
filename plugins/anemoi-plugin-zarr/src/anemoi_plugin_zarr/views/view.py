"""A view of a source: it tells and reads what that does, but for what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics, Times
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader


class View(Reader):
    """Another source, unchanged: its subclasses each change one thing.

    Parameters
    ----------
    source
        The source.
    """

    def __init__(self, source: Reader, /) -> None:
        self._source = source

    def __str__(self) -> str:
        return str(self._source)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables."""
        return self._source.variables

    @property
    def times(self) -> Times:
        """Every time, the missing ones included."""
        return self._source.times

    @property
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""
        return self._source.frequency

    @property
    def grid(self) -> Grid:
        """The points."""
        return self._source.grid

    @property
    def statistics(self) -> Statistics:
        """The statistics that the data came with."""
        return self._source.statistics

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """The statistics of changes that the data came with."""
        return self._source.changes

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last time that these statistics are of."""
        return self._source.statistics_period

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """The times without data."""
        return self._source.missing

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What identifies the data."""
        return self._source.provenance

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """What is known of each variable."""
        return self._source.metadata

    @property
    def members(self) -> int:
        """How many ensemble members there are."""
        return self._source.members

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read into ``out``."""
        self._source.fill(out, times, variables, cells)


def within(chosen: NDArray[np.intp], index: Index) -> NDArray[np.intp]:
    """Positions in a source of what ``index`` takes of ``chosen``."""
    return chosen if index is None else chosen[index]
