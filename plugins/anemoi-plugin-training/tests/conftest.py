from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics

HOUR = np.timedelta64(3600, "s")


class Memory(DataSource):
    """Fields in memory, six hours apart, on a few points."""

    def __init__(self, fields, missing=()):
        self.fields = np.asarray(fields, dtype=np.float32)  # (time, ensemble, grid, variable)
        self._missing = frozenset(self.times[list(missing)])

    variables = property(lambda self: tuple(f"v{i}" for i in range(self.fields.shape[-1])))
    times = property(
        lambda self: np.datetime64("2020-01-01T00", "s") + 6 * HOUR * np.arange(len(self.fields))
    )
    frequency = property(lambda self: 6 * HOUR)
    missing = property(lambda self: self._missing)
    provenance = property(lambda self: {"identity": "memory"})

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
        if self._missing & set(self.times[index]):
            raise DataError("missing")
        return self.fields[index]


@pytest.fixture
def random_source():
    def make(times=12, points=20, variables=2, members=1, missing=(), seed=0):
        rng = np.random.default_rng(seed)
        offset, scale = np.array([1e5, -3.0])[:variables], np.array([800.0, 0.01])[:variables]
        walk = rng.normal(size=(times, members, points, variables)).cumsum(axis=0)
        return Memory(offset + scale * walk, missing)

    return make
