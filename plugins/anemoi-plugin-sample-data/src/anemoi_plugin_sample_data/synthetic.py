"""A data set of noise: for dry runs, tests and timings of a model whose data are elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from anemoi.core.domain import Statistics
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date, parse_date, parse_duration
from anemoi.core.variable import Role, Variable, split_level
from numpy.typing import NDArray
from pydantic import Field


class SyntheticSource(DataSource):
    """States of normally distributed noise, on any grid and of any variables.

    Each state is drawn from a seed and its time, whatever was read before. The mean of every variable is zero
    and its standard deviation one; that of its change is the root of two. Names such as ``t_850`` are on
    pressure levels.

    Parameters
    ----------
    variables
        The names of those that change.
    constants
        The names of those that are the same at all times, and so are inputs alone.
    grid
        ``O96`` (octahedral reduced Gaussian), ``F96`` (full Gaussian), ``N320`` (ERA5's reduced Gaussian) or
        ``1.5deg`` (regular, with the poles).
    frequency
        From one state to the next.
    start
        The first time.
    times
        How many states there are.
    seed
        Of the noise.

    Raises
    ------
    ConfigError
        If there is no such grid, or a name is given twice.
    """

    def __init__(
        self,
        *,
        variables: list[str] | None = None,
        constants: list[str] | None = None,
        grid: str = "O16",
        frequency: str = "6h",
        start: str = "2020-01-01",
        times: Annotated[int, Field(ge=2)] = 8,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        changing = ["2t", "msl"] if variables is None else variables
        self._constants = tuple(constants or ())
        self._variables = (*changing, *self._constants)
        if twice := sorted({name for name in self._variables if self._variables.count(name) > 1}):
            raise ConfigError(f"The variable {twice[0]} is named twice.", fix="Name it once.")
        self._grid, self.seed = grid_named(grid), seed
        self._frequency = parse_duration(frequency)
        self._times = parse_date(start) + self._frequency * np.arange(times)
        self.options = {
            "variables": list(changing),
            "constants": list(self._constants),
            "grid": grid,
            "frequency": frequency,
            "start": start,
            "times": times,
            "seed": seed,
        }

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        cls(**options)  # which reads nothing

    @property
    def variables(self) -> tuple[str, ...]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.variables`."""
        return self._variables

    @property
    def times(self) -> Times:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.times`."""
        return self._times

    @property
    def frequency(self) -> np.timedelta64:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.frequency`."""
        return self._frequency

    @property
    def grid(self) -> Grid:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.grid`."""
        return self._grid

    @property
    def statistics(self) -> Statistics:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.statistics`."""
        return _normal(len(self._variables), 1.0)

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.changes`."""
        found = _normal(len(self._variables), np.sqrt(2))
        still = np.array([name in self._constants for name in self._variables])
        return {self._frequency: Statistics(*(np.where(still, 0.0, each) for each in vars(found).values()))}

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.statistics_period`."""
        return self._times[0], self._times[-1]

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.missing`."""
        return frozenset()

    @property
    def provenance(self) -> Mapping[str, Any]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.provenance`."""
        text = json.dumps(self.options, sort_keys=True)
        return {"identity": hashlib.sha256(text.encode()).hexdigest(), "synthetic": self.options}

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """See :attr:`anemoi.core.interfaces.data_source.DataSource.metadata`."""
        return {name: _described(name, constant=name in self._constants) for name in self._variables}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """See :meth:`anemoi.core.interfaces.data_source.DataSource.read`."""
        return np.stack([self._state(time) for time in np.asarray(times, "datetime64[s]")])[:, None]

    def _state(self, time: np.datetime64) -> NDArray[np.float32]:
        """The state at a time: ``(grid, variable)``."""
        place = int(np.searchsorted(self._times, time))
        if place == len(self._times) or self._times[place] != time:
            first, last = (format_date(each) for each in self.statistics_period)
            raise DataError(f"There is no state at {format_date(time)}: they reach from {first} to {last}.")
        size, still = (len(self._grid),), len(self._constants)
        noise = np.random.default_rng([self.seed, place + 1])
        state = noise.standard_normal((*size, len(self._variables)), dtype=np.float32)
        if still:
            constant = np.random.default_rng([self.seed, 0]).standard_normal((*size, still), dtype=np.float32)
            state[:, -still:] = constant
        return state


def grid_named(name: str) -> Grid:
    """Give the grid of a name: ``O96``, ``F96``, ``N320``, or ``1.5deg`` for degrees.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if (match := re.fullmatch(r"([FO])([1-9]\d*)", name)) or name == "N320":
        half = 320 if match is None else int(match[2])
        north = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(2 * half)[0][::-1]))
        from_pole = np.minimum(np.arange(2 * half), 2 * half - 1 - np.arange(2 * half))
        if match is None:
            counts = np.loadtxt(Path(__file__).parent / "N320.txt", dtype=int)[from_pole]
        else:
            counts = 20 + 4 * from_pole if match[1] == "O" else np.full(2 * half, 4 * half)
        return Grid(
            np.repeat(north, counts), np.concatenate([360.0 / each * np.arange(each) for each in counts])
        )
    match = re.fullmatch(r"(\d+(?:\.\d+)?)deg", name)
    if match and float(match[1]) and (180 / float(match[1])).is_integer():
        rows, columns = round(180 / float(match[1])) + 1, round(360 / float(match[1]))
        north, east = np.linspace(90, -90, rows), 360.0 / columns * np.arange(columns)
        return Grid(np.repeat(north, columns), np.tile(east, rows), (rows, columns))
    raise ConfigError(
        f"There is no grid {name!r}.",
        fix="Write O96 (octahedral), F96 (full Gaussian), N320 or 1.5deg (regular, dividing 180 degrees).",
    )


def _normal(count: int, stdev: float) -> Statistics:
    # Of the extremes of so many numbers it is only known that they are beyond five standard deviations.
    parts = (0.0, stdev, -6.0 * stdev, 6.0 * stdev)
    return Statistics(*(np.full(count, each) for each in parts))


def _described(name: str, *, constant: bool) -> Variable:
    level = split_level(name)[1]
    return Variable(
        name,
        role=Role.FORCING if constant else Role.PROGNOSTIC,
        level=None if level is None else float(level),
        level_type=None if level is None else "pressure",
        constant=constant,
    )
