"""Accumulations over one period, out of accumulations over others; and so of means."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Accumulation(NamedTuple):
    """A field accumulated from ``start`` to ``end`` by the forecast from ``base``, all in seconds."""

    start: int
    end: int
    base: int
    row: int


Terms = tuple[tuple[int, int], ...]
"""Rows, each with the sign to add it with."""


class Accumulations:
    """All that was accumulated of one variable and one member.

    Precipitation from 06 to 12 UTC is the sum of six hourly fields, or what a forecast has accumulated until
    12 less what it had until 06: a path from 06 to 12 along fields, forwards to add one and backwards to
    subtract it.

    Parameters
    ----------
    fields
        What there is.
    """

    def __init__(self, fields: Iterable[Accumulation]) -> None:
        self._by_end: dict[int, list[Accumulation]] = {}
        self._by_base: dict[int, list[Accumulation]] = {}
        for field in sorted(fields, key=lambda field: field.base):
            self._by_end.setdefault(field.end, []).append(field)
            self._by_base.setdefault(field.base, []).append(field)

    def over(self, start: int, end: int) -> Terms | None:
        """Give the fewest fields that sum to the accumulation from ``start`` to ``end``; None if none do.

        Of several forecasts the latest is taken. Fields of different forecasts are added, but never
        subtracted from each other: the rain of one is not in the other.
        """
        for field in reversed(self._by_end.get(end, [])):
            steps: dict[int, list[tuple[int, int, int]]] = {}
            for each in self._by_base[field.base]:
                steps.setdefault(each.end, []).append((each.start, each.row, 1))
                steps.setdefault(each.start, []).append((each.end, each.row, -1))
            if found := _path(steps, end, start):
                return found
        return _path(self._backwards(start), end, start)

    def _backwards(self, start: int) -> Mapping[int, list[tuple[int, int, int]]]:
        return {
            end: [(each.start, each.row, 1) for each in reversed(fields) if each.start >= start]
            for end, fields in self._by_end.items()
        }


def _path(steps: Mapping[int, list[tuple[int, int, int]]], begin: int, goal: int) -> Terms | None:
    """The fewest steps from ``begin`` to ``goal``, in order of time."""
    came: dict[int, tuple[int, int, int]] = {}
    queue = deque([begin])
    while queue:
        here = queue.popleft()
        if here == goal:
            return tuple(_back(came, begin, goal))
        for there, row, sign in steps.get(here, ()):
            if there not in came and there != begin:
                came[there] = (here, row, sign)
                queue.append(there)
    return None


def _back(came: Mapping[int, tuple[int, int, int]], begin: int, goal: int) -> Iterator[tuple[int, int]]:
    while goal != begin:
        goal, row, sign = came[goal]
        yield row, sign
