"""The contracts of all that this distribution offers, with the options in ``conformance.yaml``."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from anemoi_plugin_testing import CommandContract, ConfigContract, OutputContract, SourceContract

REFERENCE = Path(__file__).parent / "data" / "reference.zarr.zip"


class TestZarrSource(SourceContract):
    name = "zarr"


class TestZarrOutput(OutputContract):
    name = "zarr"


class TestConfiguration(ConfigContract):
    name = "zarr"


class TestConcat(SourceContract):
    name = "concat"


class TestCutout(SourceContract):
    name = "cutout"


class TestJoin(SourceContract):
    name = "join"


class TestMerge(SourceContract):
    name = "merge"


class TestSubset(SourceContract):
    name = "subset"


class TestPostprocess(SourceContract):
    name = "postprocess"


class TestSums(SourceContract):
    name = "postprocess"
    options = {  # noqa: RUF012
        "source": {"name": "zarr", "path": str(REFERENCE), "fill_missing_dates": "closest"},
        "steps": [{"name": "accumulate", "variables": ["q"]}],
    }


class TestCommand(CommandContract):
    name = "data"


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    values = np.random.default_rng(0).normal(280.0, 10.0, size=(40, 2, 30, 60)).astype("f4")
    times = np.datetime64("2020-01-01T00", "ns") + np.arange(41) * np.timedelta64(6, "h")
    coordinates = {
        "time": np.delete(times, 3),
        "level": [500, 850],
        "latitude": np.linspace(87.0, -87.0, 30),
        "longitude": np.arange(60) * 6.0,
    }
    made = {"temperature": (("time", "level", "latitude", "longitude"), values, {"units": "K"})}
    path = tmp_path_factory.mktemp("fields") / "fields.zarr"
    xr.Dataset(made, coordinates).to_zarr(path, zarr_format=2)
    return str(path)


class TestStoreOfFields(SourceContract):
    name = "zarr"

    @pytest.fixture
    def contract_options(self, fields):
        return {"path": fields}
