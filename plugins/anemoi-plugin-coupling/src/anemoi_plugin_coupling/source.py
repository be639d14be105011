"""The source of one component, in which some variables come from other components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from anemoi.core.delegating import DelegatingSource
from anemoi.core.domain import Domain, Statistics
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.variable import Variable
from numpy.typing import NDArray


class CoupledSource(DelegatingSource[DataSource]):
    """A source with the newest values that other components have given of some forcings.

    Each read of such a forcing gives the newest values at or before its time: they hold until the next.

    Parameters
    ----------
    source
        Where all else is read.
    domain
        The domain of the checkpoint that is given them.
    heard
        The forcings, each with what is known of its origin, for the provenance.
    """

    def __init__(self, source: DataSource, domain: Domain, heard: Mapping[str, Any]) -> None:
        super().__init__(source)
        self._domain, self._heard = domain, dict(heard)
        self._new = tuple(name for name in heard if name not in source.variables)
        self._fields: dict[str, dict[np.datetime64, NDArray[np.float32]]] = {name: {} for name in heard}

    def forget(self) -> None:
        """Forget all that was heard, before a forecast from another date."""
        for kept in self._fields.values():
            kept.clear()

    def hear(self, name: str, time: np.datetime64, values: NDArray[np.float32]) -> None:
        """Take the values of one forcing at one time, ``(members, grid)``, in the units of the checkpoint."""
        self._fields[name][time] = values

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of the source, and then forcings that it does not have."""
        return (*self._source.variables, *self._new)

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the source; of what is heard, that of the checkpoint."""
        return {**self._source.metadata, **{name: self._domain[name] for name in self._heard}}

    @property
    def statistics(self) -> Statistics:
        """Those of the source; of forcings that it does not have, those of the training."""
        columns = self._domain.columns(self._new)
        theirs, ours = vars(self._source.statistics), vars(self._domain.statistics)
        return Statistics(**{name: np.append(values, ours[name][columns]) for name, values in theirs.items()})

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """None are known."""
        return {}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source, and where each forcing that is heard comes from."""
        return {**self._source.provenance, "coupled": self._heard}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read states; NaN where the source ends, for then nothing but what is heard is asked for."""
        return np.stack([self._state(time) for time in np.asarray(times, "datetime64[s]")])

    def _state(self, time: np.datetime64) -> NDArray[np.float32]:
        """The state at one time, ``(members, grid, variable)``."""
        unheard = np.full((1, len(self.grid)), np.nan, np.float32)  # as before the first exchange
        heard = {
            name: kept[max(when for when in kept if when <= time)] if kept else unheard
            for name, kept in self._fields.items()
        }
        there = time in self._source.times and time not in self._source.missing
        own = self._source.read([time])[0] if there else np.full((1, len(self.grid), 1), np.nan, np.float32)
        members = max(map(len, heard.values()))
        if 1 < len(own) < members:  # which who reads tells of
            members = len(own)
        state = np.empty((members, len(self.grid), len(self.variables)), dtype=np.float32)
        state[..., : len(self._source.variables)] = own[:members]
        for name, values in heard.items():
            state[..., self.variables.index(name)] = values[:members]
        return state
