"""A source whose missing times are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader
from .view import View

Method = Literal["closest", "interpolate", "nans", "mean", "minimum", "maximum"]


class Filled(View):
    """A source where missing times read as something else.

    Parameters
    ----------
    source
        The source.
    method
        ``closest``: the closest time with data, the later one of two; ``interpolate``: linear in time
        between the time before and the time after, while at an end of the data a missing time stays
        missing; ``nans``; or ``mean``, ``minimum``, ``maximum``: that of the statistics.
    """

    def __init__(self, source: Reader, /, method: Method) -> None:
        super().__init__(source)
        self._method = method
        times, missing = source.times, source.missing
        self._lost = np.array([time in missing for time in times], dtype=bool)
        self._there = np.flatnonzero(~self._lost)
        self._missing = frozenset(time for time in missing if not self._can_fill(time))

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those that cannot be filled."""
        return self._missing

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the source, but that whatever is filled with NaNs has some."""
        known = self._source.metadata
        if self._method != "nans" or not self._lost.any():
            return known
        return {name: replace(variable, may_be_missing=True) for name, variable in known.items()}

    def _can_fill(self, time: np.datetime64) -> bool:
        there = self._source.times[self._there]
        if self._method == "interpolate":
            return bool(len(there) and there[0] < time < there[-1])
        return bool(len(there)) or self._method != "closest"

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read what there is, and fill what is missing."""
        lost = self._lost[times]
        if not lost.any():
            self._source.fill(out, times, variables, cells)
            return
        for place, time in enumerate(times):
            into = out[place : place + 1]
            if lost[place]:
                self._make(into, time, variables, cells)
            else:
                self._source.fill(into, times[place : place + 1], variables, cells)

    def _make(self, out: NDArray[np.float32], time: np.intp, variables: Index, cells: Index) -> None:
        if self._method == "nans":
            out[...] = np.nan
            return
        if self._method in ("mean", "minimum", "maximum"):
            values = getattr(self._source.statistics, self._method)
            chosen = values if variables is None else values[variables]
            out[...] = chosen.astype(np.float32)[None, :, None, None]
            return
        at = np.searchsorted(self._there, time)
        around = self._there[max(at - 1, 0) : at + 1]
        if self._method == "closest":
            away = np.abs(around - time)
            self._source.fill(out, around[[len(around) - 1 - np.argmin(away[::-1])]], variables, cells)
            return
        both = np.empty((2, *out.shape[1:]), np.float32)
        self._source.fill(both, around, variables, cells)
        share = float(time - around[0]) / float(around[1] - around[0])
        out[0] = both[0] * (1 - share) + both[1] * share
