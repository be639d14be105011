"""A source of made-up weather."""

from __future__ import annotations

import re

import numpy as np
from anemoi.core.domain import Statistics
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi.core.times import parse_duration
from anemoi.core.variable import Role, Variable

MEAN = {"z": 5.0e4, "t": 270.0, "u": 5.0, "q": 2e-3, "2t": 285.0, "sst": 290.0, "msl": 1.0e5}
SPREAD = {"z": 1.0e3, "t": 10.0, "u": 8.0, "q": 1e-3, "2t": 12.0, "sst": 6.0, "msl": 1.0e3}


class Waves(DataSource):
    """Waves on a grid of rows and columns, from the first of January 2020.

    What a variable is follows from its name: ``t_850`` lies on a pressure level, ``tp`` is rain, ``lsm``, ``z_sfc``
    and ``rim`` (one on the outermost points) are constant, ``sst`` is missing over land.

    Parameters
    ----------
    variables
        Their names.
    latitudes, longitudes
        Of the rows and the columns, in degrees.
    frequency
        The time from one state to the next.
    count
        How many states there are.
    """

    def __init__(
        self,
        *,
        variables: list[str],
        latitudes: list[float] = [75.0, 45.0, 15.0, -15.0, -45.0, -75.0],  # noqa: B006
        longitudes: list[float] = [0.0, 60.0, 120.0, 180.0, 240.0, 300.0],  # noqa: B006
        frequency: str = "6h",
        count: int = 20,
    ) -> None:
        self._names, self._frequency, self._count = tuple(variables), parse_duration(frequency), count
        self._shape = (len(latitudes), len(longitudes))
        self._latitudes = np.repeat(np.array(latitudes), len(longitudes))
        self._longitudes = np.tile(np.array(longitudes), len(latitudes))

    @property
    def variables(self):
        return self._names

    @property
    def times(self):
        return np.datetime64("2020-01-01T00", "s") + np.arange(self._count) * self._frequency

    @property
    def frequency(self):
        return self._frequency

    @property
    def grid(self):
        return Grid(self._latitudes, self._longitudes, self._shape)

    @property
    def statistics(self):
        unknown = np.full(len(self._names), np.nan)
        return Statistics(unknown, unknown, unknown, unknown)

    @property
    def missing(self):
        return frozenset()

    @property
    def provenance(self):
        return {"identity": "made-up waves"}

    @property
    def metadata(self):
        return {name: self._described(name) for name in self._names}

    def read(self, times):
        wanted = np.asarray(times, "datetime64[s]")
        if not np.isin(wanted, self.times).all():
            raise DataError("There is no such state.")
        days = (wanted - self.times[0]) / np.timedelta64(1, "D")
        fields = [self._field(name, days[:, None]) for name in self._names]
        return np.stack(fields, axis=-1)[:, None].astype(np.float32)

    def _field(self, name, days):
        """Values of one variable, ``(time, grid)``."""
        land = (self._longitudes == self._longitudes[0]).astype(float)
        if name in ("lsm", "z_sfc", "rim"):
            rows, columns = np.divmod(np.arange(land.size), self._shape[1])
            inner = (rows % (self._shape[0] - 1) > 0) & (columns % (self._shape[1] - 1) > 0)
            constant = {"lsm": land, "z_sfc": land * 1e4 * np.cos(np.deg2rad(self._latitudes)), "rim": ~inner}
            return np.broadcast_to(constant[name], (len(days), land.size))
        phase = 1.7 * sum(map(ord, name))
        place = np.deg2rad(self._longitudes + 2 * self._latitudes)
        wave = np.cos(place + phase - 2.1 * days) + 0.3 * np.cos(2 * place - phase + 3.3 * days)
        if name == "tp":
            return 5e-3 * np.maximum(wave - 0.4, 0.0)
        kind = name.split("_")[0]
        values = MEAN[kind] + SPREAD[kind] * wave
        return np.where(land > 0, np.nan, values) if name == "sst" else values

    def _described(self, name):
        found = re.fullmatch(r"[a-z]+_(\d+)", name)
        if found:
            return Variable(name, level=float(found[1]), level_type="pressure")
        if name == "tp":
            return Variable(name, Role.DIAGNOSTIC, units="m", accumulated=self._frequency)
        return Variable(name, may_be_missing=name == "sst")
