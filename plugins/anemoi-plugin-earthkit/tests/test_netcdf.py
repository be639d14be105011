"""What is read from NetCDF, against netCDF4 alone."""

from __future__ import annotations

import warnings

import netCDF4
import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, DataError
from anemoi_plugin_sample_data import Sample

from anemoi_plugin_earthkit import NetcdfSource
from anemoi_plugin_earthkit.netcdf_times import OrderWarning

from .making import states


def variable(file, name, dimensions, values, **attributes):
    """A variable, with the dimensions that it needs."""
    values = np.asarray(values)
    for dimension, size in zip(dimensions, values.shape, strict=True):
        if dimension not in file.dimensions:
            file.createDimension(dimension, size)
    made = file.createVariable(name, values.dtype, dimensions)
    made.setncatts(attributes)
    made[:] = values
    return made


def refused(path, *words, **options):
    with pytest.raises(DataError) as caught:
        NetcdfSource(path=str(path), **options)
    assert caught.value.fix
    for word in words:
        assert word in caught.value.what
    return caught.value


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_64BIT_OFFSET"])
@pytest.mark.parametrize("units", ["hPa", "Pa"])
def test_fields_are_those_that_netcdf4_reads(units, format, tmp_path):
    levels = np.array([850.0, 500.0]) * (100 if units == "Pa" else 1)
    path = states(tmp_path / "a.nc", levels=levels, level_units=units, format=format)
    source = NetcdfSource(path=str(path))
    assert source.variables == ("t_850", "t_500", "2t", "lsm")
    assert source.units["2t"] == "K"
    assert source.grid.field_shape == (5, 8)
    fields = source.read(source.times)
    assert fields.shape == (3, 2, 40, 4)
    with netCDF4.Dataset(path) as file:
        t, t2m, lsm = (file[name][:].data for name in ("t", "t2m", "lsm"))
        latitudes, longitudes = np.meshgrid(file["latitude"][:], file["longitude"][:], indexing="ij")
    np.testing.assert_array_equal(fields[..., :2], t.reshape(3, 2, 2, 40).transpose(0, 1, 3, 2))
    np.testing.assert_array_equal(fields[..., 2], t2m.reshape(3, 2, 40))
    np.testing.assert_array_equal(fields[..., 3], np.broadcast_to(lsm.reshape(40), (3, 2, 40)))
    np.testing.assert_array_equal(source.grid.latitudes, latitudes.reshape(-1))
    np.testing.assert_array_equal(source.grid.longitudes, longitudes.reshape(-1))


def test_the_one_member_of_a_forecast_on_levels_is_no_level(tmp_path):
    path = states(tmp_path / "a.nc", members=1)
    source = NetcdfSource(path=str(path))
    assert source.variables == ("t_850", "t_500", "2t", "lsm")
    with netCDF4.Dataset(path) as file:
        t = file["t"][:].data.reshape(3, 1, 2, 40)
    np.testing.assert_array_equal(source.read(source.times)[..., :2], t.transpose(0, 1, 3, 2))


def test_the_era5_sample_comes_back_to_the_bit(tmp_path):
    sample = Sample()
    fields = sample.read(sample.times[:5])[:, 0, :, 0].reshape(5, 73, 144)
    hours = (sample.times[:5] - sample.times[0]).astype(float) / 3600.0
    with netCDF4.Dataset(tmp_path / "era5.nc", "w") as file:
        since = str(sample.times[0]).replace("T", " ")
        variable(file, "time", ("time",), hours, units=f"hours since {since}", standard_name="time")
        variable(file, "lat", ("lat",), sample.grid.latitudes.reshape(73, 144)[:, 0], units="degrees_north")
        variable(file, "lon", ("lon",), sample.grid.longitudes.reshape(73, 144)[0], units="degrees_east")
        variable(file, "msl", ("time", "lat", "lon"), fields, units="Pa")
    source = NetcdfSource(path=str(tmp_path / "era5.nc"))
    assert source.grid.matches(sample.grid)
    np.testing.assert_array_equal(source.read(source.times), sample.read(sample.times[:5]))


def test_many_files_are_one_source(tmp_path):
    for day in range(3):
        states(tmp_path / f"{day}.nc", hours=(0, 6, 12, 18), start=f"2020-01-0{1 + day} 00:00:00")
    source = NetcdfSource(path=str(tmp_path), select=["2t", "t_500"])
    assert len(source.times) == 12
    with netCDF4.Dataset(tmp_path / "1.nc") as file:
        expected = file["t2m"][3, 1].data.reshape(-1)
    np.testing.assert_array_equal(source.read(["2020-01-02T18"])[0, 1, :, 0], expected)


def test_rotated_grids_have_their_true_coordinates(tmp_path):
    random = np.random.default_rng(0)
    latitudes, longitudes = random.uniform(40, 60, (4, 5)), random.uniform(0, 20, (4, 5))
    values = random.normal(size=(2, 4, 5))
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        variable(file, "time", ("time",), [0.0, 6.0], units="hours since 2020-01-01", standard_name="time")
        for name, size in (("rlat", 4), ("rlon", 5)):
            about = {"standard_name": f"grid_{'lat' if name == 'rlat' else 'long'}itude", "units": "degrees"}
            variable(file, name, (name,), np.arange(size) * 0.5, **about)
        both = ("rlat", "rlon")
        variable(file, "lat", both, latitudes, units="degrees_north", standard_name="latitude")
        variable(file, "lon", both, longitudes, units="degrees_east", standard_name="longitude")
        about = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25}
        variable(file, "rotated_pole", (), 0, **about, grid_north_pole_longitude=-162.0)
        how = {"grid_mapping": "rotated_pole", "coordinates": "lat lon"}
        variable(file, "tas", ("time", *both), values, units="K", **how)
    source = NetcdfSource(path=str(tmp_path / "a.nc"), rename={"tas": "2t"})
    assert source.variables == ("2t",)
    assert source.grid.field_shape == (4, 5)
    np.testing.assert_array_equal(source.grid.latitudes, latitudes.reshape(-1))
    np.testing.assert_array_equal(source.grid.longitudes, longitudes.reshape(-1))
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values.reshape(2, 20).astype("f4"))


def test_points_along_one_dimension(tmp_path):
    values = np.arange(18.0).reshape(2, 9)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        variable(file, "time", ("time",), [0.0, 6.0], units="hours since 2020-01-01", standard_name="time")
        for name, size in (("latitude", 80.0), ("longitude", 170.0)):
            unit = f"degrees_{'north' if name == 'latitude' else 'east'}"
            variable(file, name, ("cell",), np.linspace(-size, size, 9), units=unit, standard_name=name)
        variable(file, "t", ("time", "cell"), values, units="K", coordinates="latitude longitude")
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    assert source.grid.field_shape is None
    np.testing.assert_array_equal(source.grid.latitudes, np.linspace(-80, 80, 9))
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)


def grid(file, rows=2):
    variable(file, "latitude", ("latitude",), np.linspace(60.0, 50.0, rows), units="degrees_north")
    variable(file, "longitude", ("longitude",), [0.0, 10.0, 20.0], units="degrees_east")


def test_packed_values_and_missing_ones(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        variable(file, "time", ("time",), [0, 6], units="hours since 2020-01-01", standard_name="time")
        packed = file.createVariable("sst", "i2", ("time", "latitude", "longitude"), fill_value=-32767)
        packed.setncatts({"scale_factor": 0.5, "add_offset": 270.0, "units": "K"})
        packed.set_auto_maskandscale(False)
        packed[:] = np.array([[[1, 2, 3], [4, 5, -32767]]] * 2)
    fields = NetcdfSource(path=str(tmp_path / "a.nc")).read(["2020-01-01T06"])
    np.testing.assert_array_equal(fields[0, 0, :, 0], [270.5, 271, 271.5, 272, 272.5, np.nan])


@pytest.mark.parametrize(
    ("type_", "about"),
    [
        ("i2", {"valid_range": np.array([2, 5], "i2")}),
        ("i2", {"valid_min": np.int16(2), "valid_max": np.int16(5)}),
        ("i2", {"valid_range": np.array([2, 5], "i2"), "scale_factor": 0.1, "add_offset": 270.0}),
        ("i2", {"valid_range": np.array([2, 5], "i2"), "scale_factor": -0.1}),
        ("i2", {"valid_range": np.array([270.15, 270.55]), "scale_factor": 0.1, "add_offset": 270.0}),
        ("f4", {"valid_range": np.array([2, 5], "f4")}),
        ("f4", {"valid_max": np.float32(5), "valid_min": np.float32(2)}),
    ],
)
def test_values_outside_of_the_valid_range_are_missing(tmp_path, type_, about):
    numbers = np.array([[[1, 2, 3], [4, 5, 6]]], type_)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        variable(file, "time", ("time",), [0, 6], units="hours since 2020-01-01", standard_name="time")
        written = file.createVariable("sst", type_, ("time", "latitude", "longitude"))
        written.setncatts({"units": "K", **about})
        written.set_auto_maskandscale(False)
        written[:] = np.repeat(numbers, 2, axis=0)
    unpacked = numbers.reshape(-1) * about.get("scale_factor", 1.0) + about.get("add_offset", 0.0)
    expected = np.where([False, True, True, True, True, False], unpacked, np.nan)
    fields = NetcdfSource(path=str(tmp_path / "a.nc")).read(["2020-01-01T06"])
    np.testing.assert_allclose(fields[0, 0, :, 0], expected, rtol=1e-6)


def test_a_forecast_by_lead_time(tmp_path):
    values = np.arange(18.0).reshape(3, 2, 3)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        reference = "forecast_reference_time"
        variable(file, "time", (), 0.0, units="hours since 2020-01-01", standard_name=reference)
        variable(file, "step", ("step",), [0.0, 6.0, 12.0], units="hours", standard_name="forecast_period")
        about = {"units": "K", "coordinates": "time"}
        variable(file, "t", ("step", "latitude", "longitude"), values, **about)
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    assert (
        source.times.tolist()
        == np.array(["2020-01-01T00", "2020-01-01T06", "2020-01-01T12"], "M8[s]").tolist()
    )
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values.reshape(3, 6))


def test_one_time_of_a_forecast_is_a_step_of_it(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        units = "hours since 2020-01-01"
        variable(file, "time", ("time",), [12], units=units, standard_name="time")
        variable(file, "began", (), 0, units=units, standard_name="forecast_reference_time")
        about = {"units": "K", "coordinates": "began"}
        variable(file, "t", ("time", "latitude", "longitude"), np.arange(6.0).reshape(1, 2, 3), **about)
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    assert source.times.tolist() == np.array(["2020-01-01T12"], dtype="M8[s]").tolist()
    assert source.frequency == np.timedelta64(12, "h")
    assert source.read(source.times)[0, 0, :, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_sums_over_the_bounds_of_times_are_accumulations(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        hours = np.arange(1.0, 13.0)
        about = {"units": "hours since 2020-01-01", "standard_name": "time", "bounds": "time_bounds"}
        variable(file, "time", ("time",), hours, **about)
        variable(file, "time_bounds", ("time", "two"), np.stack([hours - 1, hours], axis=1))
        rain = np.broadcast_to(hours[:, None, None], (12, 2, 3))
        about = {"units": "m", "cell_methods": "time: sum"}
        variable(file, "tp", ("time", "latitude", "longitude"), rain, **about)
    hourly = NetcdfSource(path=str(tmp_path / "a.nc"))
    np.testing.assert_array_equal(hourly.read(hourly.times)[:, 0, 0, 0], np.arange(1, 13))
    sums = NetcdfSource(path=str(tmp_path / "a.nc"), frequency="3h", skip_incomplete=True)
    there = [time for time in sums.times if time not in sums.missing]
    read = {
        str(time)[11:13]: float(value)
        for time, value in zip(there, sums.read(there)[:, 0, 0, 0], strict=True)
    }
    assert read == {"04": 9.0, "07": 18.0, "10": 27.0}


@pytest.mark.parametrize("hours", [(0, 12, 6), (12, 6, 0)])
def test_times_in_another_order_are_put_in_order(hours, tmp_path):
    path = states(tmp_path / "a.nc", hours=hours)
    with pytest.warns(OrderWarning, match=r"a\.nc: the times of t .* put in order"):
        source = NetcdfSource(path=str(path))
    assert (np.diff(source.times) == np.timedelta64(6, "h")).all()
    with netCDF4.Dataset(path) as file:
        expected = file["t2m"][:].data.reshape(3, 2, 40)[np.argsort(hours)]
    np.testing.assert_array_equal(source.read(source.times)[..., source.variables.index("2t")], expected)


@pytest.mark.parametrize(
    "order",
    [
        ("latitude", "longitude", "time", "level"),
        ("level", "latitude", "longitude", "time"),
        ("latitude", "time", "level", "longitude"),
        ("longitude", "time", "latitude", "level"),
        ("level", "time", "latitude", "longitude"),
    ],
)
def test_axes_in_any_order_give_the_same_bits(order, tmp_path):
    usual = ("time", "level", "latitude", "longitude")
    values = np.random.default_rng(0).normal(280, 10, (3, 2, 2, 3)).astype("f4")
    for path, dimensions in (("usual.nc", usual), ("other.nc", order)):
        with netCDF4.Dataset(tmp_path / path, "w") as file:
            grid(file)
            since = "hours since 2020-01-01"
            variable(file, "time", ("time",), [0.0, 6.0, 12.0], units=since, standard_name="time")
            variable(file, "level", ("level",), [500.0, 850.0], units="hPa")
            turned = values.transpose([usual.index(each) for each in dimensions])
            variable(file, "t", dimensions, turned, units="K")
    expected = NetcdfSource(path=str(tmp_path / "usual.nc"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = NetcdfSource(path=str(tmp_path / "other.nc"))
        read = source.read(source.times)
    told = [str(each.message) for each in caught if each.category is OrderWarning]
    assert len(told) == (order[0] != "level" or order[-1] == "time")
    assert all("other.nc: the dimensions of t are put in order" in each for each in told)
    if order.index("longitude") < order.index(
        "latitude"
    ):  # The points are turned too, which their places say.
        place = np.lexsort((source.grid.longitudes, -source.grid.latitudes))
        np.testing.assert_array_equal(source.grid.longitudes[place], expected.grid.longitudes)
        read = read[:, :, place]
    else:
        assert source.grid.matches(expected.grid)
    np.testing.assert_array_equal(read, expected.read(expected.times))


def test_a_time_twice_is_named(tmp_path):
    path = states(tmp_path / "b.nc", hours=(0, 6, 6))
    refused(path, "t_850 for 2020-01-01T06", "is there twice")


def test_a_time_in_two_files_is_named(tmp_path):
    states(tmp_path / "a.nc", hours=(0, 6))
    states(tmp_path / "b.nc", hours=(6, 12))
    refused(tmp_path, "t_850 for 2020-01-01T06", "is there twice", "a.nc", "b.nc")


def test_mixed_grids_units_and_missing_levels_are_named(tmp_path):
    states(tmp_path / "grids" / "a.nc", hours=(0, 6))
    states(tmp_path / "grids" / "b.nc", hours=(12, 18), rows=7)
    refused(tmp_path / "grids", "mixes grids", "a.nc has 40 points", "b.nc has 56 points")
    states(tmp_path / "units" / "a.nc", hours=(0, 6))
    states(tmp_path / "units" / "b.nc", hours=(12, 18), units="degC")
    refused(tmp_path / "units", "t_850 is in K", "a.nc", "but in degC in", "b.nc")
    states(tmp_path / "levels" / "a.nc", hours=(0, 6))
    states(tmp_path / "levels" / "b.nc", hours=(12, 18), levels=(850,))
    refused(tmp_path / "levels", "t_500 for 2020-01-01T12", "b.nc")


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
def test_truncated_and_foreign_files_are_named(format, tmp_path):
    path = states(tmp_path / "a.nc", format=format)
    whole = path.read_bytes()
    for share in (0.0, 0.01, 0.3, 0.7, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        refused(path, "a.nc")
    if "3" in format:
        path.write_bytes(whole[:-1])
        refused(path, "a.nc is truncated: its variable t2m")
    path.write_text("not what it says it is")
    refused(path, "a.nc cannot be read as NetCDF")


def test_a_damaged_chunk_is_named(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file, rows=400)
        variable(file, "time", ("time",), [0.0, 6.0], units="hours since 2020-01-01", standard_name="time")
        made = file.createVariable("t", "f4", ("time", "latitude", "longitude"), zlib=True, fletcher32=True)
        made[:] = np.random.default_rng(0).normal(size=(2, 400, 3))
    contents = bytearray((tmp_path / "a.nc").read_bytes())
    at = len(contents) - 3000
    contents[at : at + 64] = bytes(64)
    (tmp_path / "a.nc").write_bytes(contents)
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    with pytest.raises(DataError, match=r"a\.nc: a field of t cannot be read"):
        source.read(source.times)


def test_what_is_not_understood_is_named(tmp_path):
    time = {"units": "hours since 2020-01-01", "standard_name": "time"}
    with netCDF4.Dataset(tmp_path / "none.nc", "w") as file:
        variable(file, "time", ("time",), [0.0, 6.0], **time)
        variable(file, "t", ("time", "station"), np.zeros((2, 4)))
    refused(tmp_path / "none.nc", "none.nc has no variable with latitudes and longitudes")
    with netCDF4.Dataset(tmp_path / "band.nc", "w") as file:
        grid(file)
        variable(file, "time", ("time",), [0.0, 6.0], **time)
        variable(file, "t", ("time", "band", "latitude", "longitude"), np.zeros((2, 4, 2, 3)))
    refused(
        tmp_path / "band.nc", "band.nc: the dimensions", "'band'", "of t are not all of time, level, member"
    )
    with netCDF4.Dataset(tmp_path / "calendar.nc", "w") as file:
        grid(file)
        variable(file, "time", ("time",), [0.0, 6.0], **time, calendar="noleap")
        variable(file, "t", ("time", "latitude", "longitude"), np.zeros((2, 2, 3)))
    refused(tmp_path / "calendar.nc", "calendar.nc: time of t has the calendar noleap")
    with netCDF4.Dataset(tmp_path / "still.nc", "w") as file:
        grid(file)
        variable(file, "lsm", ("latitude", "longitude"), np.zeros((2, 3)))
    refused(tmp_path / "still.nc", "has no field that changes with time")


def test_an_unknown_option_is_refused_with_the_nearest():
    from anemoi.core import config

    with pytest.raises(AnemoiError, match="rename"):
        config.build("source", {"name": "netcdf", "path": "a.nc", "renam": {}})


def test_longitudes_in_plain_degrees_stay_in_their_place(tmp_path):
    """Of which the name alone tells that they are longitudes."""
    values = np.arange(12.0).reshape(2, 2, 3)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        variable(file, "latitude", ("latitude",), [60.0, 50.0], units="degrees_north")
        variable(file, "longitude", ("longitude",), [0.0, 10.0, 20.0], units="degrees")
        variable(file, "time", ("time",), [0.0, 6.0], units="hours since 2020-01-01", standard_name="time")
        variable(file, "t", ("time", "latitude", "longitude"), values, units="K")
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    assert source.grid.longitudes[:3].tolist() == [0.0, 10.0, 20.0]
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values.reshape(2, 6))
