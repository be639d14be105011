"""The source ``join``: the variables of several sources side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Component, Spec
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader, derived
from .agreement import opened, require_same, require_some
from .selection import Selection
from .view import View


class JoinSource(Selection):
    """The variables of several sources, at the same times on the same grid; options as for ``zarr``.

    A variable that several have keeps its place among those of the first, and is read from the last.

    Parameters
    ----------
    sources
        The sources, each with its own name and options.
    """

    def __init__(self, *, sources: list[Annotated[Spec, Component("source")]], **options: Any) -> None:
        super().__init__(Joined(opened("join", sources)), **options)

    @classmethod
    def check_options(cls, *, sources: Sequence[Spec] = (), **options: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        require_some("join", sources)
        super().check_options(**options)


class Joined(View):
    """The variables of readers at the same times on the same grid; of those that several have, the last.

    Parameters
    ----------
    sources
        The readers.
    """

    def __init__(self, sources: Sequence[Reader]) -> None:
        super().__init__(sources[0])
        require_same("join", sources, "times", "grid")
        self._sources = sources
        place = {name: (s, v) for s, source in enumerate(sources) for v, name in enumerate(source.variables)}
        self._variables = tuple(place)
        self._place: NDArray[np.intp] = np.array(list(place.values()), dtype=np.intp)  # (variable, 2)

    def __str__(self) -> str:
        return " joined with ".join(map(str, self._sources))

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of all."""
        return self._variables

    @property
    def statistics(self) -> Statistics:
        """Those of each variable's source."""
        return self._joined([source.statistics for source in self._sources])

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """Those over the durations that all sources have."""
        each = [source.changes for source in self._sources]
        shared = [duration for duration in each[0] if all(duration in other for other in each)]
        return {duration: self._joined([known[duration] for known in each]) for duration in shared}

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """That of the sources, if they have one."""
        periods = {self._sources[s].statistics_period for s in np.unique(self._place[:, 0])}
        return periods.pop() if len(periods) == 1 else None

    def _joined(self, statistics: Sequence[Statistics]) -> Statistics:
        each = [vars(known) for known in statistics]
        return Statistics(**{name: np.array([each[s][name][v] for s, v in self._place]) for name in each[0]})

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those that any source lacks."""
        return frozenset().union(*(source.missing for source in self._sources))

    @property
    def provenance(self) -> Mapping[str, Any]:
        """One of its own, with the sources as parents."""
        return derived(self._sources, join=list(self._variables))

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of each variable's source."""
        each = [source.metadata for source in self._sources]
        names = zip(self._variables, self._place[:, 0], strict=True)
        return {name: each[s][name] for name, s in names}

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read each variable from its source."""
        place = self._place if variables is None else self._place[variables]
        for number, source in enumerate(self._sources):
            into = np.flatnonzero(place[:, 0] == number)
            if not len(into):
                continue
            chosen = place[into, 1]
            wanted = None if np.array_equal(chosen, np.arange(len(source.variables))) else chosen
            if len(into) == into[-1] - into[0] + 1:
                source.fill(out[:, into[0] : into[-1] + 1], times, wanted, cells)
            else:
                part = np.empty((len(out), len(into), *out.shape[2:]), dtype=np.float32)
                source.fill(part, times, wanted, cells)
                out[:, into] = part
