"""The contracts of a data source, of an output and of a package of configuration."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from anemoi_plugin_testing import CommandContract, ConfigContract, OutputContract, SourceContract


class TestZarrSource(SourceContract):
    name = "zarr"
    options = {"path": str(Path(__file__).parent / "data" / "reference.zarr.zip")}  # noqa: RUF012


class TestZarrOutput(OutputContract):
    name = "zarr"


class TestConfiguration(ConfigContract):
    name = "zarr"


ZARR = {"name": "zarr", "path": TestZarrSource.options["path"]}


class TestJoin(SourceContract):
    name = "join"
    options = {"sources": [{**ZARR, "select": ["q"]}, {**ZARR, "drop": ["q"]}]}  # noqa: RUF012


class TestMerge(SourceContract):
    name = "merge"
    options = {"sources": [ZARR, {**ZARR, "select": ["q"]}], "choices": {"q": 2}}  # noqa: RUF012


class TestSubset(SourceContract):
    name = "subset"
    options = {"source": ZARR, "frequency": "12h", "thinning": 2}  # noqa: RUF012


@pytest.mark.parametrize(
    "step",
    [{"name": "clip", "lower": {"q": 0.0}}, {"name": "accumulate", "variables": ["q"]}],
    ids=["each", "sums"],
)
class TestPostprocess(SourceContract):
    name = "postprocess"

    @pytest.fixture
    def contract_options(self, step):
        return {"source": {**ZARR, "fill_missing_dates": "closest"}, "steps": [step]}


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
