"""What is known of a field without its values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from anemoi.core.grid import Grid
from numpy.typing import NDArray

NEVER: Final = int(np.iinfo(np.int64).min)
"""The time of a field that has none, which is numpy's NaT."""


INSTANT: Final = "instant"
"""The process of a field that is valid at one time."""


class Described(NamedTuple):
    """What a file says of a variable.

    Parameters
    ----------
    name
        Its name, with the level: ``t_850``.
    units
        Its units, as the file has them.
    level, level_type
        Where it lies in the vertical, in the words of a :class:`~anemoi.core.variable.Variable`.
    process
        What is done to the values of some time to make one, as the ``stepType`` of ecCodes: ``accum``,
        ``avg``, ``max``...; :data:`INSTANT` for nothing.
    over
        The time that it is averaged over, in seconds; 0 for what is no average, or if it is not known.
    """

    name: str
    units: str
    level: float | None = None
    level_type: str | None = None
    process: str = INSTANT
    over: int = 0


class Field(NamedTuple):
    """One field of one variable, one member and one time, and where it is in its file.

    Parameters
    ----------
    variable
        What it is of.
    grid
        A text that is the same for all fields of the file on the same grid.
    member
        The number of the ensemble member; 0 where there is no ensemble.
    time
        When it is valid, in seconds since 1970 (UTC), or :data:`NEVER`; of an accumulation its end.
    start
        When an accumulation begins; :data:`NEVER` for what is no accumulation.
    base
        When the forecast began that it comes from, or ``time``.
    offset, length
        Where in its file, as the format counts.
    fingerprint
        A number that is likely to differ where the values do.
    """

    variable: Described
    grid: str
    member: int
    time: int
    start: int
    base: int
    offset: int
    length: int
    fingerprint: float


class Format(Protocol):
    """A file format: how files of it are listed and read."""

    name: str
    suffixes: frozenset[str]

    def scan(self, path: Path) -> Iterator[Field]:
        """List the fields of a file, in its order, from its headers alone.

        Raises
        ------
        DataError
            If it is not of this format, damaged, or holds what is not understood: it names the field.
        """

    def grid(self, path: Path, offset: int, length: int) -> Grid:
        """Give the grid of a field."""

    def read(self, path: Path, places: list[tuple[int, int]], points: int) -> Iterator[NDArray[np.floating]]:
        """Read the values of the fields at ``(offset, length)``, each ``(points,)`` with NaN for none.

        Raises
        ------
        DataError
            If one of them is damaged or has another number of points.
        """
