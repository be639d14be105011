"""Whether all that this distribution offers keeps its contract."""

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi_plugin_testing import OutputContract
from scipy.io import netcdf_file

COORDINATES = ("time", "latitude", "longitude")


class Reader(DataSource):
    """Reads back what the output writes, so that the two can be compared."""

    def __init__(self, *, path: str):
        with netcdf_file(path, "r", mmap=False) as file:
            contents = {name: each.data.copy() for name, each in file.variables.items()}
        time, latitudes, longitudes = (contents.pop(name).astype(float) for name in COORDINATES)
        self.names, self.stored = tuple(contents), time.astype("datetime64[s]")
        self.fields = np.stack([*contents.values()], axis=-1).astype(np.float32)
        self.points = Grid(latitudes, longitudes)

    variables = property(lambda self: self.names)
    times = property(lambda self: self.stored)
    frequency = property(lambda self: self.stored[1] - self.stored[0])
    grid = property(lambda self: self.points)
    statistics = property(lambda self: None)
    missing = property(lambda self: frozenset())
    provenance = property(lambda self: {})

    def read(self, times):
        return self.fields[np.searchsorted(self.stored, times)]


class TestOutput(OutputContract):
    name = "{{ cookiecutter.name }}"
    reader = Reader
