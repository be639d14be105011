import json
import resource
from dataclasses import replace

import netCDF4
import numpy as np
import pytest
import xarray
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from anemoi.core.lineage import verify
from anemoi.core.variable import Variable
from compliance_checker.runner import CheckSuite, ComplianceChecker

from anemoi_plugin_netcdf import NetcdfOutput


def regular(latitudes, longitudes):
    rows, columns = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(rows.reshape(-1), columns.reshape(-1), rows.shape)


SCATTERED = Grid(np.array([60.0, 10.0, -60.0]), np.array([0.0, 120.0, 240.0]))
ROTATED = Grid(np.array([1.0, 1.1, 2.0, 2.1, 3.0, 3.1]), np.array([5.0, 6.0, 5.1, 6.1, 5.2, 6.2]), (3, 2))
REGION = regular(np.array([40.0, 50.0, 60.0]), np.array([350.0, 355.0, 0.0, 5.0]))
VARIABLES = ("t_850", "2t", "q_700", "t_500", "z_500", "10u", "u_850", "u_500", "tp", "cos_latitude", "ö 1")
UNITS = {
    **dict.fromkeys(("t_850", "t_500", "2t"), "K"),
    **dict.fromkeys(("10u", "u_850", "u_500"), "m s**-1"),
    "q_700": "kg kg**-1",
    "z_500": "m**2 s**-2",
    "tp": "m",
    "cos_latitude": "(0 - 1)",
}
PROVENANCE = {
    "kind": "forecast",
    "identity": "1b671a64",
    "created": "2025-12-23T01:00:00+00:00",
    "command": "anemoi forecast",
    "parents": [{"kind": "checkpoint", "identity": "sha256:00"}, {"identity": "b"}],
}


def describe(grid=REGION, variables=VARIABLES, members=2, hours=(6, 12)):
    return ForecastDescription(
        start=np.datetime64("2020-02-28T18", "s"),
        lead_times=np.array(hours, "timedelta64[h]").astype("timedelta64[s]"),
        members=members,
        variables=variables,
        grid=grid,
        units=UNITS,
        provenance=PROVENANCE,
    )


def values(forecast):
    """(time, ensemble, grid, variable)"""
    shape = (len(forecast.lead_times), forecast.members, len(forecast.grid), len(forecast.variables))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def write(path, forecast, **options):
    fields = values(forecast)
    with NetcdfOutput(path=str(path), forecast=forecast, **options) as output:
        for lead_time, states in zip(forecast.lead_times, fields, strict=True):
            output.write(State(forecast.start, lead_time, states))
    return fields


@pytest.mark.parametrize(
    ("grid", "recommended_order"), [(REGION, True), (SCATTERED, False), (ROTATED, False)],
    ids=["region", "scattered", "rotated"],
)  # fmt: skip
def test_a_checker_of_the_cf_conventions_has_nothing_to_say(tmp_path, grid, recommended_order):
    """But that it recommends to let what is neither of T, Z, Y and X vary slowest.

    Points without rows come last all the same, as wherever there are such grids: a field stays in one piece.
    """
    path, said = tmp_path / "forecast.nc", tmp_path / "said.json"
    write(path, describe(grid))
    CheckSuite.load_all_available_checkers()
    passed, failed = ComplianceChecker.run_checker(
        str(path), ["cf:1.11"], 0, "strict", output_filename=str(said), output_format="json"
    )
    report = json.loads(said.read_text(encoding="utf-8"))["cf:1.11"]
    faults = [line for level in ("high", "medium", "low") for fault in report[f"{level}_priorities"]
              for line in fault["msgs"]]  # fmt: skip
    others = [line for line in faults if "are not in the recommended order T, Z, Y, X" not in line]
    assert (others, failed) == ([], False)
    assert passed == recommended_order == (not faults)
    assert report["scored_points"] > 100


def test_levels_of_a_quantity_are_one_variable(tmp_path):
    forecast = describe()
    fields = write(tmp_path / "forecast.nc", forecast)
    with xarray.open_dataset(tmp_path / "forecast.nc", engine="netcdf4") as found:
        assert list(found.data_vars) == ["t", "t2m", "q", "z", "u10", "u", "tp", "cos_latitude", "v___1"]
        for name, units in UNITS.items():
            short, _, level = name.partition("_")
            read = {"2t": "t2m", "10u": "u10"}.get(name, short if level.isdigit() else name)
            variable = found[read]
            if level.isdigit():
                (pressure,) = (each for each in variable.dims if each.startswith("pressure"))
                assert variable[pressure].attrs["units"] == "hPa"
                variable = variable.sel({pressure: float(level)})
            written = fields[..., VARIABLES.index(name)].swapaxes(0, 1).reshape(2, 2, 3, 4)
            np.testing.assert_array_equal(variable.values, written, err_msg=name)
            assert variable.attrs["units"] == {"(0 - 1)": "1"}.get(units, units.replace("**", ""))
            assert variable.attrs["short_name"] == (short if level.isdigit() else name)
        assert found["t"].dims == found["u"].dims
        assert found["t"].attrs["standard_name"] == found["t2m"].attrs["standard_name"] == "air_temperature"
        assert (float(found["t2m"]["height_2m"]), float(found["u10"]["height_10m"])) == (2.0, 10.0)
        assert "units" not in found["v___1"].attrs


def test_times_members_and_points_are_coordinates(tmp_path):
    write(tmp_path / "forecast.nc", describe())
    with xarray.open_dataset(tmp_path / "forecast.nc", engine="netcdf4", decode_timedelta=True) as found:
        np.testing.assert_array_equal(
            found["time"], np.array(["2020-02-29T00", "2020-02-29T06"], "datetime64[ns]")
        )
        np.testing.assert_array_equal(found["forecast_period"], np.array([6, 12], "timedelta64[h]"))
        assert found["forecast_reference_time"].values == np.datetime64("2020-02-28T18")
        np.testing.assert_array_equal(found["realization"], [0, 1])
        np.testing.assert_array_equal(found["latitude"], [40.0, 50.0, 60.0])
        np.testing.assert_array_equal(found["longitude"], [350.0, 355.0, 360.0, 365.0])


@pytest.mark.parametrize(("grid", "dimensions"), [(SCATTERED, ("cell",)), (ROTATED, ("y", "x"))])
def test_points_without_rows_have_a_place_each(tmp_path, grid, dimensions):
    forecast = describe(grid)
    fields = write(tmp_path / "forecast.nc", forecast)
    with xarray.open_dataset(tmp_path / "forecast.nc", engine="netcdf4") as found:
        assert found["t2m"].dims == ("realization", "time", *dimensions)
        for name, places in (("latitude", grid.latitudes), ("longitude", grid.longitudes)):
            assert found["t2m"].coords[name].dims == dimensions
            np.testing.assert_array_equal(found[name].values.reshape(-1), places)
        read = found["t2m"].values.reshape(2, 2, len(grid))
        np.testing.assert_array_equal(read, fields[..., 1].swapaxes(0, 1))


def test_lead_times_may_be_minutes_and_unequal(tmp_path):
    leads = np.array([0, 90, 120], "timedelta64[m]").astype("timedelta64[s]")
    write(tmp_path / "forecast.nc", replace(describe(), lead_times=leads))
    with xarray.open_dataset(tmp_path / "forecast.nc", engine="netcdf4") as found:
        np.testing.assert_array_equal(found["time"] - found["forecast_reference_time"], leads)


def test_missing_values_stay_missing(tmp_path):
    forecast = describe(variables=("2t",), members=1, hours=(6,))
    fields = values(forecast)[0]
    fields[0, 3] = np.nan
    with NetcdfOutput(path=str(tmp_path / "forecast.nc"), forecast=forecast) as output:
        output.write(State(forecast.start, forecast.lead_times[0], fields))
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        masked = file["t2m"][:].mask.reshape(-1)
    np.testing.assert_array_equal(np.flatnonzero(masked), [3])


def test_a_name_says_what_it_says_only_in_the_right_units(tmp_path):
    forecast = replace(describe(variables=("z_500", "2t")), units={"z_500": "m", "2t": "degC"})
    write(tmp_path / "forecast.nc", forecast)
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        assert "standard_name" not in file["z"].ncattrs()
        assert "standard_name" not in file["t2m"].ncattrs()
        assert (file["z"].units, file["t2m"].units) == ("m", "degC")


@pytest.mark.parametrize("variables", [("t", "t_850"), ("time", "latitude"), ("a b", "a_b")])
def test_names_never_meet(tmp_path, variables):
    fields = write(tmp_path / "forecast.nc", describe(variables=variables))
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        ours = [each for each in file.variables.values() if "short_name" in each.ncattrs()]
        assert [each.short_name for each in ours] == [name.partition("_8")[0] for name in variables]
        for column, each in enumerate(ours):
            np.testing.assert_array_equal(
                each[:].reshape(2, 2, -1), fields[..., column].swapaxes(0, 1), err_msg=each.name
            )


def test_the_file_says_where_it_comes_from(tmp_path):
    write(tmp_path / "forecast.nc", describe())
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        said = json.loads(file.provenance)
        assert said.pop("content").startswith("sha256:")
        assert said == PROVENANCE
        assert file.id == "1b671a64"
        assert file.source == "checkpoint sha256:00, parent b"
        assert file.history == "2025-12-23T01:00:00+00:00 anemoi forecast"


@pytest.mark.parametrize("grid", [REGION, SCATTERED, ROTATED], ids=["region", "scattered", "rotated"])
def test_what_the_file_holds_can_be_verified(tmp_path, grid):
    path = tmp_path / "forecast.nc"
    write(path, describe(grid), compression=4)
    assert [finding.status for finding in verify(path)] == ["ok"]
    with netCDF4.Dataset(path, "a") as file:
        file["t"][0, 1, 1] = file["t"][0, 1, 1][...] * 2
    assert [finding.status for finding in verify(path)] == ["differs"]


@pytest.mark.parametrize("where", ["coordinate", "units"])
def test_coordinates_and_units_are_part_of_what_it_holds(tmp_path, where):
    path = tmp_path / "forecast.nc"
    write(path, describe())
    with netCDF4.Dataset(path, "a") as file:
        if where == "units":
            file["t"].units = "degC"
        else:
            file["latitude"][0] = 41.0
    assert [finding.status for finding in verify(path)] == ["differs"]


def test_other_files_are_told_apart(tmp_path):
    (tmp_path / "text.nc").write_text("no such file")
    assert NetcdfOutput.provenance_of(str(tmp_path / "text.nc")) is None
    with netCDF4.Dataset(tmp_path / "other.nc", "w"):
        pass
    assert NetcdfOutput.provenance_of(str(tmp_path / "other.nc")) is None
    write(tmp_path / "forecast.nc", describe())
    whole = (tmp_path / "forecast.nc").read_bytes()
    (tmp_path / "half.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.nc cannot be read as NetCDF"):
        NetcdfOutput.provenance_of(str(tmp_path / "half.nc"))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    forecast = describe(members=50, hours=tuple(range(6, 600, 6)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (200_000, hard)
    )  # No file may grow beyond it, as on a full disk.
    try:
        with pytest.raises(DataError, match=r"forecast\.nc cannot be written") as failure:
            write(tmp_path / "forecast.nc", forecast)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "File too large" in str(failure.value)
    assert "has room" in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_the_c_library_compressed_anew_holds_the_same(tmp_path):
    write(tmp_path / "forecast.nc", describe())
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file, netCDF4.Dataset(tmp_path / "f.nc", "w") as copy:
        copy.setncatts({name: file.getncattr(name) for name in file.ncattrs()})
        for name, dimension in file.dimensions.items():
            copy.createDimension(name, len(dimension))
        for name, variable in file.variables.items():
            about = {key: variable.getncattr(key) for key in variable.ncattrs()}
            filled, packed = about.pop("_FillValue", None), {"zlib": variable.ndim > 0, "complevel": 9}
            made = copy.createVariable(name, variable.dtype, variable.dimensions, fill_value=filled, **packed)
            made.setncatts(about)
            made[...] = variable[...]
    assert [finding.status for finding in verify(tmp_path / "f.nc")] == ["ok"]


HOUR = np.timedelta64(3600, "s")
SIGMA = {"units": "K", "level_type": "sigma"}


def test_levels_of_other_types_and_periods_are_what_they_are(tmp_path):
    known = {
        each.name: each
        for each in (
            Variable("t_510", level=0.51, **SIGMA),
            Variable("t_835", level=0.835, **SIGMA),
            Variable("t_850", units="K", level=850.0, level_type="pressure"),
            Variable("t_137", units="K"),
            Variable("tp", units="m", accumulated=6 * HOUR),
            Variable("hf", units="W m-2", averaged=3 * HOUR),
        )
    }
    forecast = replace(describe(variables=tuple(known)), metadata=known)
    fields = write(tmp_path / "forecast.nc", forecast)
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        assert (file["t"].dimensions[2], file["t_pressure"].dimensions[2]) == ("sigma", "pressure")
        assert file["sigma"][:].tolist() == [0.51, 0.835]
        assert (file["sigma"].level_type, file["sigma"].units) == ("sigma", "1")
        np.testing.assert_array_equal(
            file["t"][:, :, 1].data.reshape(2, 2, -1), fields[..., 1].swapaxes(0, 1)
        )
        # A number alone is not taken for a pressure that nobody has.
        assert file["t_137"].dimensions == ("realization", "time", "latitude", "longitude")
        assert json.loads(file["t"].anemoi_variables) == ["t_510", "t_835"]
        assert (file["tp"].cell_methods, file["hf"].cell_methods) == ("time: sum", "time: mean")
        for name, times, hours in (("tp", "time", 6), ("hf", "time_3h", 3)):
            assert file[name].dimensions[1] == times
            ends = file[times][:].data
            over = file[file[times].bounds][:].data
            np.testing.assert_array_equal(over, np.stack([ends - hours, ends], axis=-1))
    assert [finding.status for finding in verify(tmp_path / "forecast.nc")] == ["ok"]


def test_attributes_are_true(tmp_path):
    """Those of the file and of its fields; a checker of the conventions looks at coordinates."""
    six = np.timedelta64(6 * 3600, "s")
    forecast = replace(describe(), frequency=six).with_variables(
        [
            Variable("t_850", units="K", level=850, level_type="pressure"),
            Variable("t_500", units="K", level=500, level_type="pressure"),
            Variable("tp", units="m", accumulated=six),
            Variable("mx2t", units="K", maximum_over=six),
            Variable("r_model_137", units="%", level=137, level_type="model"),
        ]
    )
    write(tmp_path / "forecast.nc", forecast)
    valid = forecast.start + forecast.lead_times
    with netCDF4.Dataset(tmp_path / "forecast.nc") as file:
        assert set(file.ncattrs()) == {"Conventions", "title", "source", "history", "id", "provenance"}
        assert (file.Conventions, file.title) == ("CF-1.11", "Forecast from 2020-02-28T18:00 UTC")
        assert file.source == "checkpoint sha256:00, parent b"
        assert file.history == f"{PROVENANCE['created']} {PROVENANCE['command']}"
        assert file.id == json.loads(file.provenance)["identity"] == "1b671a64"
        hours = file["forecast_period"]
        np.testing.assert_array_equal(hours[:], forecast.lead_times / np.timedelta64(1, hours.units[0]))
        fields = [each for each in file.variables.values() if "anemoi_variables" in each.ncattrs()]
        names = [name for each in fields for name in json.loads(each.anemoi_variables)]
        assert sorted(names) == sorted(forecast.variables)
        for field in fields:
            said = {name: field.getncattr(name) for name in field.ncattrs()}
            first, *_ = about = [forecast.about(name) for name in json.loads(said.pop("anemoi_variables"))]
            assert {each.units for each in about} == {said.pop("units")}
            assert {each.name.split("_")[0] for each in about} == {said.pop("short_name")}
            assert {each.level_type for each in about} == {said.pop("level_type", None)}
            on_levels = [name for name in field.dimensions if getattr(file[name], "axis", "") == "Z"]
            levels = file[on_levels[0]][:].tolist() if on_levels else [said.pop("level", None)]
            assert [each.level for each in about] == levels
            method = {"accumulated": "time: sum", "maximum_over": "time: maximum"}
            assert said.pop("cell_methods", None) == (first.statistic and method[first.statistic[0]])
            if first.statistic:
                time = file[field.dimensions[1]]
                ends = netCDF4.num2date(file[time.bounds][:], time.units, time.calendar)
                pairs = [[np.datetime64(end.isoformat(), "s") for end in pair] for pair in ends]
                np.testing.assert_array_equal(pairs, np.stack([valid - six, valid], axis=-1))
            assert set(said.pop("coordinates").split()) <= set(file.variables)
            assert np.isnan(said.pop("_FillValue"))
            if said.pop("units_metadata", None) is not None:
                assert first.units == "K"
            assert said.pop("standard_name", "").replace("_", " ") in (said.pop("long_name"), "")
            assert said == {}  # there are no others
