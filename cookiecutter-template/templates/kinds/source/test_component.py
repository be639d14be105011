import numpy as np
import pytest
from anemoi.core.errors import DataError
from scipy.io import netcdf_file

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

HOURS = np.array([0.0, 6.0, 18.0])
STATES = np.arange(3 * 2 * 4, dtype=np.float32).reshape(3, 2, 4)


@pytest.fixture
def path(tmp_path):
    """Three states, twelve hours of which are left out in the middle."""
    with netcdf_file(tmp_path / "states.nc", "w") as file:
        coordinates = {"time": HOURS, "latitude": [60.0, -60.0], "longitude": [0.0, 90.0, 180.0, 270.0]}
        for name, values in coordinates.items():
            file.createDimension(name, len(values))
            file.createVariable(name, "d", (name,))[:] = values
        file.variables["time"].units = "hours since 2020-02-28 12:00:00"
        file.createVariable("t2m", "f", ("time", "latitude", "longitude"))[:] = STATES
        file.variables["t2m"].units = "K"
    return tmp_path / "states.nc"


def test_values_times_and_grid_are_those_of_the_file(path):
    source = {{ cookiecutter.__class }}(path=str(path))
    times = np.datetime64("2020-02-28T12", "s") + HOURS[::-1].astype("timedelta64[h]")
    np.testing.assert_array_equal(source.read(times)[:, 0, :, 0], STATES[::-1].reshape(3, 8))
    np.testing.assert_array_equal(source.grid.latitudes, [60.0] * 4 + [-60.0] * 4)
    np.testing.assert_array_equal(source.grid.longitudes, [0.0, 90.0, 180.0, 270.0] * 2)
    assert source.units == {"t2m": "K"}


def test_statistics_are_those_of_all_states(path):
    statistics = {{ cookiecutter.__class }}(path=str(path)).statistics
    found = (statistics.mean, statistics.stdev, statistics.minimum, statistics.maximum)
    expected = (STATES.mean(), STATES.std(), STATES.min(), STATES.max())
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-6)


def test_a_time_that_was_left_out_is_missing(path):
    source = {{ cookiecutter.__class }}(path=str(path))
    left_out = np.datetime64("2020-02-29T00", "s")
    assert source.missing == {left_out}
    with pytest.raises(DataError, match="is missing"):
        source.read([left_out])


def test_what_is_no_netcdf_is_refused(tmp_path):
    (tmp_path / "states.nc").write_text("no NetCDF")
    with pytest.raises(DataError, match="cannot be read"):
        {{ cookiecutter.__class }}(path=str(tmp_path / "states.nc"))
