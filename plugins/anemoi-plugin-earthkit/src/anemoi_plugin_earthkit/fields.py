"""What is known of a field without its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.variable import level_name
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
        Its name, with the level and, unless that is pressure, its type: ``t_850``, ``t_model_137``.
    units
        Its units, as the file has them.
    level, level_type
        Where it lies in the vertical, in the words of a :class:`~anemoi.core.variable.Variable`.
    process
        What is done to the values of some time to make one, as the ``stepType`` of ecCodes: ``accum``,
        ``avg``, ``max``...; :data:`INSTANT` for nothing.
    short_name
        Its name without the level.
    """

    name: str
    units: str
    level: float | None = None
    level_type: str | None = None
    process: str = INSTANT
    short_name: str = ""

    @property
    def plain(self) -> str:
        """The name with the level, but not its type: ``t_137``."""
        in_name = self.short_name and self.level is not None and self.name != self.short_name
        return level_name(self.short_name, self.level) if in_name and self.level is not None else self.name


class Field(NamedTuple):
    """One field of one variable, one member and one time, and where it is in its file.

    Parameters
    ----------
    variable
        What it is of.
    grid
        A text that is the same for all fields of the file on the same grid.
    version
        The experiment that made it, as ``expver`` has it: ``0001``; empty where that is not told.
    member
        The number of the ensemble member; 0 where there is no ensemble.
    time
        When it is valid, in seconds since 1970 (UTC), or :data:`NEVER`; of a sum or a mean its end.
    start
        When the time begins that it is the sum, the mean or an extreme of; :data:`NEVER` for what is of one
        time, or if it is not told.
    base
        When the forecast began that it comes from, or ``time``.
    offset, length
        Where in its file, as the format counts.
    fingerprint
        A number that is likely to differ where the values do.
    """

    variable: Described
    grid: str
    version: str
    member: int
    time: int
    start: int
    base: int
    offset: int
    length: int
    fingerprint: float


class Format(Protocol):
    """A file format: how files of it are listed and read.

    What its variables are to be called, ``rename``, is by their names with or without a level. Fields that
    were listed with other ``options`` are listed anew.
    """

    name: str
    options: str
    suffixes: frozenset[str]
    rename: Mapping[str, str]

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
