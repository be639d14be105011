"""The fields of a result, as maps and meteograms take them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from anemoi.core import lineage
from anemoi.core.cli.options import source_spec
from anemoi.core.config import build
from anemoi.core.errors import AnemoiError, NotThereError, RequestError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date, parse_date
from anemoi.core.variable import placed
from numpy.typing import NDArray

from .display import display
from .sampling import Places

Statistic = Literal["mean", "spread", "above", "below", "member"]
"""What of an ensemble: ``above`` and ``below`` are probabilities, in per cent."""


@dataclass(frozen=True)
class Wanted:
    """What of a variable is wanted.

    Parameters
    ----------
    variable
        Its name.
    statistic
        What of the members.
    member
        Which one, from 0, for ``member``.
    threshold
        In the units of the data, for ``above`` and ``below``.
    """

    variable: str
    statistic: Statistic = "mean"
    member: int = 0
    threshold: float = 0.0


class Fields:
    """Fields along time, members and variables, read by one thread at a time.

    Parameters
    ----------
    source
        Where they are read.
    start
        When the forecast starts; None for data that are no forecast.
    """

    def __init__(self, source: DataSource, start: np.datetime64 | None = None) -> None:
        self.source, self.start = source, start
        self._lock = threading.Lock()

    @classmethod
    def of_file(cls, path: Path) -> Fields:
        """Open a file that a job wrote.

        Raises
        ------
        AnemoiError
            If no source that is installed here reads it.
        """
        source = build("source", source_spec((str(path),), None))
        try:
            said = lineage.read(path).provenance.get("start")
        except AnemoiError:  # it does not say where it comes from: it is shown all the same
            said = None
        return cls(source, None if said is None else parse_date(str(said)))

    @cached_property
    def places(self) -> Places:
        """The points of the grid."""
        return Places(self.source.grid)

    @cached_property
    def members(self) -> int:
        """How many there are."""
        return len(self._read(self.source.times[0], [0]))

    def description(self) -> dict[str, Any]:
        """What there is, as JSON."""
        sampling = self.places.sampling
        return {
            "start": None if self.start is None else _iso(self.start),
            "times": [_iso(time) for time in self.source.times],
            "members": self.members,
            "variables": [self._variable(name) for name in self.source.variables],
            "grid": {
                "points": len(self.source.grid),
                "shown": len(sampling.points),
                "rows": sampling.raster.shape[0],
                "columns": sampling.raster.shape[1],
                "north": sampling.north,
                "west": sampling.west,
                "south": sampling.south,
                "east": sampling.east,
                "global": sampling.is_global,
            },
        }

    def at(self, time: np.datetime64, wanted: Wanted) -> NDArray[np.float32]:
        """One field, ``(grid,)``, NaN where it is missing.

        Raises
        ------
        AnemoiError
            If there is no such time, variable or member.
        """
        values = self._read(time, [self._column(wanted.variable)])[..., 0]
        return _of_members(values, wanted)

    def point(self, latitude: float, longitude: float, variable: str) -> dict[str, Any]:
        """All members of a variable at the point nearest to a place, over time, as JSON."""
        [nearest] = self.places.nearest(np.array([latitude]), np.array([longitude]))
        column = self._column(variable)
        missing = self.source.missing
        values = [
            [None if np.isnan(each) else float(each) for each in self._read(time, [column])[:, nearest, 0]]
            for time in self.source.times
            if time not in missing
        ]
        grid = self.source.grid
        return {
            "latitude": float(grid.latitudes[nearest]),
            "longitude": float((grid.longitudes[nearest] + 180) % 360 - 180),
            "times": [_iso(time) for time in self.source.times if time not in missing],
            "values": values,
        }

    def _read(self, time: np.datetime64, columns: list[int]) -> NDArray[np.float32]:
        """Some variables at one time, ``(members, grid, columns)``."""
        if time not in self.source.times or time in self.source.missing:
            first, last = self.source.times[[0, -1]]
            raise NotThereError(
                f"There is no state at {format_date(time)}.",
                fix=f"There are some from {format_date(first)} to {format_date(last)}.",
            )
        with self._lock:
            return np.asarray(self.source.read([time])[0][..., columns])

    def _column(self, variable: str) -> int:
        if variable not in self.source.variables:
            raise RequestError(
                f"There is no variable {variable!r}.", fix=f"There are {', '.join(self.source.variables)}."
            )
        return self.source.variables.index(variable)

    def _variable(self, name: str) -> dict[str, Any]:
        about = self.source.metadata[name]
        where = placed(about)
        return {
            "name": name,
            "parameter": where.short_name,
            "level": where.level,
            "level_type": where.level_type,
            "units": about.units,
            **display(where.short_name, about.units),
        }


@lru_cache(maxsize=16)
def opened(path: Path) -> Fields:
    """The fields of a file in the store of results, where nothing ever changes."""
    return Fields.of_file(path)


def difference(one: Fields, other: Fields, time: np.datetime64, wanted: Wanted) -> NDArray[np.float32]:
    """One less the other, on the grid of the first; each point is compared with the nearest of the other."""
    here, there = one.source.grid, other.source.grid
    values = other.at(time, wanted)
    if not here.matches(there):
        values = values[other.places.nearest(here.latitudes, here.longitudes)]
    return one.at(time, wanted) - values


def _of_members(values: NDArray[np.float32], wanted: Wanted) -> NDArray[np.float32]:
    """What is wanted of ``(members, grid)``."""
    if wanted.statistic == "member":
        if not 0 <= wanted.member < len(values):
            raise RequestError(
                f"There is no member {wanted.member}.", fix=f"There are those from 0 to {len(values) - 1}."
            )
        return np.asarray(values[wanted.member])
    if wanted.statistic == "mean":
        return np.asarray(values.mean(axis=0, dtype=np.float64), np.float32)
    if wanted.statistic == "spread":
        if len(values) < 2:
            raise RequestError("One member has no spread.", fix="Look at the mean.")
        return np.asarray(values.std(axis=0, ddof=1, dtype=np.float64), np.float32)
    beyond = values > wanted.threshold if wanted.statistic == "above" else values < wanted.threshold
    return np.asarray(np.where(np.isnan(values).any(axis=0), np.nan, 100 * beyond.mean(axis=0)), np.float32)


def _iso(time: np.datetime64) -> str:
    return f"{time.astype('datetime64[s]')}Z"


def time_of(text: str) -> np.datetime64:
    """A time as :meth:`Fields.description` writes it.

    Raises
    ------
    AnemoiError
        If it is none.
    """
    return parse_date(text.removesuffix("Z"))
