"""Whether all that this distribution offers keeps its contract."""

import numpy as np
import pytest
from anemoi_plugin_testing import {{ 'ConfigContract, ' if configs }}SourceContract
from scipy.io import netcdf_file


class TestSource(SourceContract):
    name = "{{ cookiecutter.name }}"

    @pytest.fixture
    def contract_options(self, tmp_path_factory):
        """A file of ten states, of which the fifth was left out."""
        path = tmp_path_factory.getbasetemp() / "contract.nc"
        if not path.exists():
            states = np.random.default_rng(0).normal(280.0, 10.0, (9, 5, 8))
            with netcdf_file(path, "w") as file:
                for name, values in (
                    ("time", np.delete(np.arange(10) * 6.0, 4)),
                    ("latitude", np.linspace(80.0, -80.0, 5)),
                    ("longitude", np.arange(8) * 45.0),
                ):
                    file.createDimension(name, len(values))
                    file.createVariable(name, "d", (name,))[:] = values
                file.variables["time"].units = "hours since 2020-01-01 00:00:00"
                file.createVariable("t2m", "f", ("time", "latitude", "longitude"))[:] = states
        return {"path": str(path)}
