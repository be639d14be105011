"""Variables of a source in other units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.units import conversion
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader
from .view import View


class Converted(View):
    """A source with some of its variables in other units.

    Parameters
    ----------
    source
        The source.
    units
        The units to have, by variable.

    Raises
    ------
    ConfigError
        If there is no such variable.
    DataError
        If the units of one are not known, or cannot be converted.
    """

    def __init__(self, source: Reader, /, units: Mapping[str, str]) -> None:
        super().__init__(source)
        self._units = dict(units)
        self._factor, self._offset = np.ones(len(source.variables)), np.zeros(len(source.variables))
        known = source.metadata
        for name, wanted in units.items():
            if name not in known:
                raise ConfigError(
                    f"units: {source} has no variable {name!r}.", fix=f"It has {', '.join(source.variables)}."
                )
            own = known[name].units
            if own is None:
                raise DataError(
                    f"units: {source} does not say in which units {name} is.", fix="Leave it out of units."
                )
            how = conversion(name, own, wanted)
            if how is None:
                raise DataError(
                    f"units: {name} is in {own}, which cannot be converted to {wanted}.",
                    fix="Choose units of the same kind.",
                )
            place = source.variables.index(name)
            self._factor[place], self._offset[place] = how.factor, how.offset

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the source, in the units wanted."""
        known = self._source.metadata
        return {name: replace(each, units=self._units.get(name, each.units)) for name, each in known.items()}

    @property
    def statistics(self) -> Statistics:
        """Those of the source, converted."""
        return self._converted(self._source.statistics, self._offset)

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """Those of the source, converted: a change has no zero to shift."""
        none = np.zeros_like(self._offset)
        return {over: self._converted(each, none) for over, each in self._source.changes.items()}

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read, and convert in place."""
        self._source.fill(out, times, variables, cells)
        factor, offset = (
            each if variables is None else each[variables] for each in (self._factor, self._offset)
        )
        for place in np.flatnonzero((factor != 1) | (offset != 0)):
            # In float64: 101325 Pa are 1013.25 hPa, to the last bit that a float32 has.
            out[:, place] = out[:, place].astype(np.float64) * factor[place] + offset[place]

    def _converted(self, statistics: Statistics, offset: NDArray[np.float64]) -> Statistics:
        return Statistics(
            statistics.mean * self._factor + offset,
            statistics.stdev * self._factor,
            statistics.minimum * self._factor + offset,
            statistics.maximum * self._factor + offset,
        )
