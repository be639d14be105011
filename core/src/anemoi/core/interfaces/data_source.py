"""What states of the atmosphere are read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import Grid

Times = NDArray[np.datetime64]
"""Validity times, ``(times,)`` datetime64[s], UTC."""


@dataclass(frozen=True)
class Statistics:
    """How each variable is distributed over cells, members and times; ``(variables,)`` float64 each."""

    mean: NDArray[np.float64]
    stdev: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]


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
