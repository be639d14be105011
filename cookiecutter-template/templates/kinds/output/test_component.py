import json

import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from scipy.io import netcdf_file

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

START = np.datetime64("2020-02-28T18", "s")
FORECAST = ForecastDescription(
    start=START,
    lead_times=np.array([6, 12], dtype="timedelta64[h]").astype("timedelta64[s]"),
    members=1,
    variables=("t2m",),
    grid=Grid(np.array([60.0, 0.0, -60.0]), np.array([0.0, 120.0, 240.0])),
    units={"t2m": "K"},
    provenance={"identity": "sha256:00"},
)


def write(path, count):
    with {{ cookiecutter.__class }}(path=str(path), forecast=FORECAST) as output:
        for number, lead_time in enumerate(FORECAST.lead_times[:count]):
            fields = np.full((1, 3, 1), 280.0 + number, dtype=np.float32)
            output.write(State(start=START, lead_time=lead_time, fields=fields))


def test_another_program_can_read_it(tmp_path):
    write(tmp_path / "forecast.nc", 2)
    with netcdf_file(tmp_path / "forecast.nc", "r", mmap=False) as file:
        assert file.variables["t2m"].units == b"K"
        assert file.variables["t2m"].dimensions == ("time", "realization", "cell")
        np.testing.assert_array_equal(file.variables["t2m"].data[:, 0, 0], [280.0, 281.0])
        valid = file.variables["time"].data.astype("datetime64[s]")
        np.testing.assert_array_equal(valid, START + FORECAST.lead_times)
        assert json.loads(file.provenance) == {"identity": "sha256:00"}


def test_half_a_forecast_is_no_file(tmp_path):
    with pytest.raises(DataError, match="only 1 of 2 states came"):
        write(tmp_path / "forecast.nc", 1)
    assert list(tmp_path.iterdir()) == []
