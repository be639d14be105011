"""Whether all that this distribution offers keeps its contract."""

import numpy as np
import pytest
import xarray
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi_plugin_testing import OutputContract


class Reader(DataSource):
    """Reads back with xarray and the netCDF library, which share no code with what writes."""

    def __init__(self, *, path: str):
        with xarray.open_dataset(path, engine="netcdf4") as opened:
            self.contents = opened.load()
        latitudes, longitudes = np.meshgrid(
            self.contents["latitude"].values, self.contents["longitude"].values, indexing="ij"
        )
        self.points = Grid(latitudes.reshape(-1), longitudes.reshape(-1), latitudes.shape)

    variables = property(lambda self: tuple(self.contents.data_vars))
    times = property(lambda self: self.contents["time"].values.astype("datetime64[s]"))
    frequency = property(lambda self: self.times[1] - self.times[0])
    grid = property(lambda self: self.points)
    statistics = property(lambda self: None)
    missing = property(lambda self: frozenset())
    provenance = property(lambda self: {})

    def read(self, times):
        fields = self.contents.sel(time=times).to_array()  # (variable, ensemble, time, latitude, longitude)
        return fields.transpose("time", "realization", "latitude", "longitude", "variable").values.reshape(
            len(times), -1, len(self.points), len(self.variables)
        )


class TestOutput(OutputContract):
    name = "netcdf"
    reader = Reader


@pytest.mark.parametrize("compression", [0, 9])
class TestCompression(OutputContract):
    name = "nc"
    reader = Reader

    @pytest.fixture
    def contract_options(self, compression):
        return {"compression": compression}
