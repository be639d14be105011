"""The source ``merge``: states put together from several sources, such as levels and surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Component, Spec
from anemoi.core.errors import ConfigError, DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from ..reader import Index, Reader
from .agreement import opened, require_same
from .join import Joined
from .selection import Selection
from .variables import drop
from .view import View, within


class MergeSource(Selection):
    """States whose variables come from several sources, at the times that all have; options as for ``zarr``.

    Points in another order than those of the first source are put in its order.

    Parameters
    ----------
    sources
        The sources, each with its own name and options.
    choices
        From which of them a variable comes that several have, counted from 1: ``{lsm: 2}``.

    Raises
    ------
    DataError
        If several have a variable and nothing chooses, or they have other points or members.
    NotThereError
        If there is no time that all have.
    """

    def __init__(
        self,
        *,
        sources: list[Annotated[Spec, Component("source")]],
        choices: dict[str, int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(_merged(opened("merge", sources), choices or {}), **options)


def _merged(sources: Sequence[Reader], choices: Mapping[str, int]) -> Reader:
    require_same("merge", sources)
    chosen = _without_others(sources, choices)
    times = _shared_times(sources)
    return Joined([_Aligned(source, times, sources[0].grid) for source in chosen])


def _without_others(sources: Sequence[Reader], choices: Mapping[str, int]) -> list[Reader]:
    """Take from each source the variables that no other one has, or that are chosen of it."""
    having: dict[str, list[int]] = {}
    for number, source in enumerate(sources, 1):
        for name in source.variables:
            having.setdefault(name, []).append(number)
    for name, number in choices.items():
        if number not in having.get(name, []):
            those = having.get(name)
            raise ConfigError(
                f"merge: {name} is chosen of source {number}, which does not have it.",
                fix=f"It is in {', '.join(map(str, those))}." if those else "No source has it.",
            )
    if several := {name: those for name, those in having.items() if len(those) > 1 and name not in choices}:
        told = "; ".join(
            f"{name} in " + " and in ".join(f"{number} ({sources[number - 1]})" for number in those)
            for name, those in several.items()
        )
        choice = ", ".join(f"{name}: {those[0]}" for name, those in several.items())
        raise DataError(
            f"merge: several sources have the same variables: {told}.",
            fix=f"Say which to take: choices={{{choice}}}. Or leave them out of the others by their options.",
        )
    kept = []
    for number, source in enumerate(sources, 1):
        others = [name for name in source.variables if choices.get(name, number) != number]
        if len(others) < len(source.variables):
            kept.append(drop(source, others) if others else source)
    return kept


def _shared_times(sources: Sequence[Reader]) -> Times:
    shared: Times = reduce(np.intersect1d, [source.times for source in sources])
    if not len(shared):
        told = "; ".join(
            f"{source} has {format_date(source.times[0])} to {format_date(source.times[-1])} every "
            f"{format_duration(source.frequency)}"
            for source in sources
        )
        raise NotThereError(f"merge: there is no time that all sources have: {told}.", fix="Choose others.")
    return shared


class _Aligned(View):
    """Some of the times of a source, its points in the order of another grid."""

    def __init__(self, source: Reader, times: Times, grid: Grid) -> None:
        super().__init__(source)
        self._times, self._grid = times, grid
        self._chosen: NDArray[np.intp] = np.searchsorted(source.times, times)
        self._order: Index = None
        if not grid.matches(source.grid):
            self._order = grid.order_of(source.grid)
            if self._order is None:
                raise DataError(
                    f"merge: {source} has {len(source.grid)} points, which are not those of the first source "
                    f"({len(grid)}).",
                    fix="Only sources on one grid go together so.",
                )

    @property
    def times(self) -> Times:
        """Those that all sources have."""
        return self._times

    @property
    def frequency(self) -> np.timedelta64:
        """The time between them."""
        steps = np.diff(self._times[:2])
        return np.timedelta64(steps[0] if len(steps) else self._source.frequency, "s")

    @property
    def grid(self) -> Grid:
        """That of the first source."""
        return self._grid

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """Those of the source."""
        return self._source.missing & frozenset(self._times)

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """That of the source, if all of its times are there."""
        return self._source.statistics_period if len(self._times) == len(self._source.times) else None

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read those of the source that are meant."""
        points = cells if self._order is None else within(self._order, cells)
        self._source.fill(out, self._chosen[times], variables, points)
