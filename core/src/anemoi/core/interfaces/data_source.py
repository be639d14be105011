"""What states of the atmosphere are read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain import Statistics as Statistics
from ..grid import Grid
from ..variable import Variable

Times = NDArray[np.datetime64]
"""Validity times, ``(times,)`` datetime64[s], UTC."""


class DataSource(ABC):
    """A sequence of states of the atmosphere, equally spaced in time, on one grid.

    Opening one reads metadata only; :meth:`read` reads fields. A subclass takes its options as
    keyword arguments, each with a type; they are what a user writes under ``data``.
    """

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, unique, in the order of the last axis that :meth:`read` returns."""

    @property
    @abstractmethod
    def times(self) -> Times:
        """Every time of the sequence, increasing by ``frequency``, the missing ones included."""

    @property
    @abstractmethod
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """Where the values lie."""

    @property
    @abstractmethod
    def statistics(self) -> Statistics:
        """The statistics that the data came with, one value for each variable."""

    @property
    @abstractmethod
    def missing(self) -> frozenset[np.datetime64]:
        """Those of ``times`` that hold no data; reading one raises."""

    @property
    @abstractmethod
    def provenance(self) -> Mapping[str, Any]:
        """What identifies the data, as JSON: ``identity``, and what else is known, such as ``licence``."""

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the variables, for those where they are known."""
        return {}

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """What is known of each variable; its role where the data say it, by what makes one.

        One that is computed or constant is a forcing, one that is accumulated is diagnostic; what a user
        says comes before that. By default the units alone are known.
        """
        return {name: Variable(name, units=self.units.get(name)) for name in self.variables}

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """The statistics that the data came with of changes of variables, by the time they are over."""
        return {}

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last time that ``statistics`` and ``changes`` are of; None if nobody knows."""
        return None

    @abstractmethod
    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the states at ``times``, in the order given.

        Returns
        -------
        NDArray
            ``(time, ensemble, grid, variable)`` float32, in the units of the source.

        Raises
        ------
        DataError
            If one of ``times`` is absent or missing: it names the time and the range there is.
        """
