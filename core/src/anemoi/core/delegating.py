"""What sources have in common that are made from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from .domain import Statistics
from .grid import Grid
from .interfaces.data_source import DataSource, Times
from .variable import Variable

Source = TypeVar("Source", bound=DataSource)


class DelegatingSource(DataSource, Generic[Source]):
    """Tells of another source; a subclass says how to read, and overrides what differs.

    Units follow from the metadata, so a subclass that has other variables need not say that twice.

    Parameters
    ----------
    source
        The source.
    """

    def __init__(self, source: Source, /) -> None:
        self._source = source

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of the source."""
        return self._source.variables

    @property
    def times(self) -> Times:
        """Those of the source."""
        return self._source.times

    @property
    def frequency(self) -> np.timedelta64:
        """That of the source."""
        return self._source.frequency

    @property
    def grid(self) -> Grid:
        """That of the source."""
        return self._source.grid

    @property
    def statistics(self) -> Statistics:
        """Those of the source."""
        return self._source.statistics

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """Those of the source."""
        return self._source.changes

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """That of the source."""
        return self._source.statistics_period

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those of the source."""
        return self._source.missing

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source."""
        return self._source.provenance

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the source."""
        return self._source.metadata

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the variables, for those where they are known."""
        return {name: known.units for name, known in self.metadata.items() if known.units is not None}
