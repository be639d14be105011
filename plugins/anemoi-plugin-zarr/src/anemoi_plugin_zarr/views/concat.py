"""The source ``concat``: several sources one after the other in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Component, Spec
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader, derived
from .agreement import common, opened, require_same, require_some
from .selection import Selection
from .view import View


class ConcatSource(Selection):
    """Several sources of the same variables on the same grid, one after the other; options as for ``zarr``.

    The statistics are those of the first.

    Parameters
    ----------
    sources
        The sources, each with its own name and options, in order of time.
    fill_missing_gaps
        Whether the times between two of them, if there are any, are missing times; else they are an error.
    """

    def __init__(
        self,
        *,
        sources: list[Annotated[Spec, Component("source")]],
        fill_missing_gaps: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(_Concatenated(opened("concat", sources), gaps=fill_missing_gaps), **options)

    @classmethod
    def check_options(cls, *, sources: Sequence[Spec] = (), **options: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        require_some("concat", sources)
        super().check_options(**options)


class _Concatenated(View):
    def __init__(self, sources: Sequence[Reader], *, gaps: bool) -> None:
        super().__init__(sources[0])
        require_same("concat", sources, "frequency", "variables", "units", "periods", "grid")
        for one, other in pairwise(sources):
            _require_next(one, other, gaps=gaps)
        self._sources = sources
        step = self.frequency
        self._times: Times = np.arange(sources[0].times[0], sources[-1].times[-1] + step, step)
        # The first position of each source; a time in a gap counts to the source before it, and is missing.
        self._first = np.searchsorted(self._times, [source.times[0] for source in sources])
        there = np.concatenate([source.times for source in sources])
        lost = frozenset(np.setdiff1d(self._times, there))
        self._missing = lost.union(*(source.missing for source in sources))

    def __str__(self) -> str:
        return " followed by ".join(map(str, self._sources))

    @property
    def times(self) -> Times:
        return self._times

    @property
    def missing(self) -> frozenset[np.datetime64]:
        return self._missing

    @property
    def metadata(self) -> Mapping[str, Variable]:
        return {
            name: replace(variable, constant=variable.constant and self._alike(place))
            for place, (name, variable) in enumerate(common(self._sources).items())
        }

    def _alike(self, variable: int) -> bool:
        """Whether a variable has the same statistics in all: what is constant in each may still differ."""
        each = [[of[variable] for of in vars(source.statistics).values()] for source in self._sources]
        return np.allclose(each[1:], each[0], rtol=1e-5, atol=0, equal_nan=True)

    @property
    def provenance(self) -> Mapping[str, Any]:
        return derived(self._sources, concat=[str(self._times[0]), str(self._times[-1])])

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        last = np.append(self._first[1:], len(self._times))
        for source, begin, end in zip(self._sources, self._first, last, strict=True):
            into = np.flatnonzero((times >= begin) & (times < end))
            for run in np.split(into, np.flatnonzero(np.diff(into) != 1) + 1):
                if len(run):
                    source.fill(out[run[0] : run[-1] + 1], times[run] - begin, variables, cells)


def _require_next(one: Reader, other: Reader, *, gaps: bool) -> None:
    end, start, step = one.times[-1], other.times[0], one.frequency
    if start <= end:
        raise DataError(
            f"concat: {other} begins at {format_date(start)}, before {one} ends at {format_date(end)}.",
            fix="Name the sources in order of time, and let none overlap: give them 'start' and 'end'.",
        )
    away, rest = divmod(start - end, step)
    if rest or (away > 1 and not gaps):
        raise DataError(
            f"concat: {one} ends at {format_date(end)}, but {other} begins at {format_date(start)}.",
            fix="Fill the gap with another source"
            + (
                ", or set fill_missing_gaps: true to have the times between as missing ones."
                if not rest
                else "."
            ),
        )
