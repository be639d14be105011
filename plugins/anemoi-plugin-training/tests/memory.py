"""A data source in memory."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics

HOUR = np.timedelta64(3600, "s")
NORMALISED = {"imputer": {"name": "imputer"}, "normaliser": {"name": "normaliser"}}


class Memory(DataSource):
    """Fields in memory, six hours apart, on a few points."""

    def __init__(self, fields, missing=(), names=None, hours=6, metadata=None):
        self.fields = np.asarray(fields, dtype=np.float32)  # (time, ensemble, grid, variable)
        self.names = names or tuple(f"v{i}" for i in range(self.fields.shape[-1]))
        self.hours, self.said, self.reads = hours, metadata or {}, 0
        self._missing = frozenset(self.times[list(missing)])

    variables = property(lambda self: self.names)
    times = property(
        lambda self: np.datetime64("2020-01-01T00", "s") + self.frequency * np.arange(len(self.fields))
    )
    frequency = property(lambda self: self.hours * HOUR)
    missing = property(lambda self: self._missing)
    provenance = property(lambda self: {"identity": "memory"})
    metadata = property(lambda self: {**DataSource.metadata.fget(self), **self.said})

    @property
    def grid(self):
        points = self.fields.shape[2]
        return Grid(np.linspace(-80, 80, points), 137.5 * np.arange(points) % 360)

    @property
    def statistics(self):
        zero = np.zeros(len(self.variables))
        return Statistics(zero, zero + 1, zero, zero)

    def read(self, times):
        index = np.searchsorted(self.times, times)
        self.reads += len(index)
        if self._missing & set(self.times[index]):
            raise DataError("missing")
        return self.fields[index]
