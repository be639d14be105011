"""What files say of their variables."""

from __future__ import annotations

import warnings

import netCDF4
import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.variable import Role, Variable, level_name

from anemoi_plugin_earthkit import GribSource, NetcdfSource
from anemoi_plugin_earthkit.periods import UnsaidPeriodWarning

from .making import message, states, write
from .test_netcdf import grid, variable

TIMES = ("2020-01-01T06", "2020-01-01T12", "2020-01-01T18")
HOUR = np.timedelta64(3600, "s")


def statistic(name, process, step, edition=2):
    """A message for each time of a field over the hours ``step`` of a forecast."""
    over = {"edition": edition, "step": step, "values": 1.0, "stepType": process}
    return [
        message(name, None, time=str(np.datetime64(time) - int(step[-1]) * HOUR), **over) for time in TIMES
    ]


@pytest.mark.parametrize("index", [False, True])
def test_grib(index, tmp_path):
    def level(name, kind, number):
        return [message(name, None, time=time, typeOfLevel=kind, level=number) for time in TIMES]

    made = [
        *(message("t", 850, time=time) for time in TIMES),
        *(message("2t", None, time=time) for time in TIMES),
        *(message("msl", None, time=time) for time in TIMES),
        *(message("tcwv", None, time=time) for time in TIMES),
        *level("q", "hybrid", 137),
        *level("u", "heightAboveGround", 80),
        *level("t", "isobaricInPa", 50),
        *level("pt", "potentialVorticity", 2000),
        *level("v", "heightAboveSea", 300),
        message("lsm", None, time="1990-01-01", values=0.5),
        *statistic("tp", "accum", "0-6"),
        *statistic("avg_sdswrf", "avg", "0-3"),
        *statistic("10fg", "max", "0-6"),
    ]
    path, kept = write(tmp_path / "a.grib", made), str(tmp_path / "kept") if index else None
    for _ in range(2):
        source = GribSource(path=str(path), constants=["lsm"], index=kept)
        assert source.metadata == {
            each.name: each
            for each in (
                Variable("t_850", units="K", level=850.0, level_type="pressure"),
                Variable("2t", units="K", level=2.0, level_type="height"),
                Variable("msl", units="Pa", level_type="surface"),
                Variable("tcwv", units="kg m**-2"),
                Variable("q_model_137", units="kg kg**-1", level=137.0, level_type="model"),
                Variable("u_height_80", units="m s**-1", level=80.0, level_type="height"),
                Variable("t_0.5", units="K", level=0.5, level_type="pressure"),
                Variable("pt_pv_2000", units="K", level=2000.0, level_type="pv"),
                Variable("v_heightAboveSea_300", units="m s**-1", level=300.0, level_type="heightAboveSea"),
                Variable("lsm", role=Role.FORCING, units="(0 - 1)", constant=True, level_type="surface"),
                Variable("tp", role=Role.DIAGNOSTIC, units="m", accumulated=6 * HOUR, level_type="surface"),
                Variable(
                    "avg_sdswrf",
                    role=Role.DIAGNOSTIC,
                    units="W m**-2",
                    averaged=3 * HOUR,
                    level_type="surface",
                ),
                Variable(
                    "10fg",
                    role=Role.DIAGNOSTIC,
                    units="m s**-1",
                    maximum_over=6 * HOUR,
                    level=10.0,
                    level_type="height",
                ),
            )
        }
        assert source.units == {name: known.units for name, known in source.metadata.items()}


def test_accumulations_are_over_the_time_between_states(tmp_path):
    made = [
        message("tp", None, time="2020-01-01T00", step=f"0-{hours}", stepType="accum", values=1.0)
        for hours in (3, 6, 9, 12)
    ]
    path = str(write(tmp_path / "a.grib", made))
    assert GribSource(path=path).metadata["tp"].accumulated == 3 * HOUR
    assert GribSource(path=path, frequency="6h", skip_incomplete=True).metadata["tp"].accumulated == 6 * HOUR


@pytest.mark.parametrize("units", ["hPa", "Pa"])
def test_netcdf_of_the_copernicus_data_store(units, tmp_path):
    scale = 100 if units == "Pa" else 1
    source = NetcdfSource(path=str(states(tmp_path / "a.nc", levels=(850 * scale,), level_units=units)))
    assert source.metadata == {
        "t_850": Variable("t_850", units="K", level=850.0, level_type="pressure"),
        "2t": Variable("2t", units="K"),
        "lsm": Variable("lsm", role=Role.FORCING, units="(0 - 1)", constant=True),
    }


def netcdf(path, name="x", bounds=6, levels=None, options=None, **attributes):
    """A file of one variable at three times, with bounds as many hours before each, and on two levels."""
    lengths = np.array(bounds)
    with netCDF4.Dataset(path, "w") as file:
        grid(file)
        hours = np.array([6.0, 12.0, 18.0])
        about = {"units": "hours since 2020-01-01", "standard_name": "time"}
        variable(
            file, "time", ("time",), hours, **about, **({"bounds": "time_bounds"} if lengths.any() else {})
        )
        if lengths.any():
            variable(file, "time_bounds", ("time", "two"), np.stack([hours - lengths, hours], axis=1))
        dimensions = ["time", "latitude", "longitude"]
        if levels is not None:
            variable(file, "level", ("level",), [5.0, 10.0], **levels)
            dimensions.insert(1, "level")
        values = np.ones([len(file.dimensions[each]) for each in dimensions])
        variable(file, name, tuple(dimensions), values, units="K", **attributes)
    return NetcdfSource(path=str(path), **(options or {}))


@pytest.mark.parametrize(
    ("attributes", "bounds", "expected"),
    [
        ({}, 6, {}),
        ({"cell_methods": "time: point"}, 6, {}),
        ({"cell_methods": "time: sum"}, 6, {"role": Role.DIAGNOSTIC, "accumulated": 6 * HOUR}),
        ({"cell_methods": "area: mean time: mean"}, 3, {"role": Role.DIAGNOSTIC, "averaged": 3 * HOUR}),
        ({"cell_methods": "time: lat: lon: mean"}, 3, {"role": Role.DIAGNOSTIC, "averaged": 3 * HOUR}),
        ({"cell_methods": "time: maximum"}, 6, {"role": Role.DIAGNOSTIC, "maximum_over": 6 * HOUR}),
        ({"cell_methods": "time: minimum"}, 3, {"role": Role.DIAGNOSTIC, "minimum_over": 3 * HOUR}),
        ({"GRIB_stepType": "instant"}, 0, {}),
        ({"GRIB_typeOfLevel": "hybrid", "level": 137}, 0, {"level": 137.0, "level_type": "model"}),
        ({"GRIB_typeOfLevel": "surface"}, 0, {"level_type": "surface"}),
        ({"level": 0.51, "level_type": "sigma"}, 0, {"level": 0.51, "level_type": "sigma"}),
        ({"level": "low"}, 0, {}),
    ],
)
def test_netcdf_by_attributes(attributes, bounds, expected, tmp_path):
    source = netcdf(tmp_path / "a.nc", bounds=bounds, **attributes)
    assert source.metadata == {"x": Variable("x", units="K", **expected)}


@pytest.mark.parametrize(
    ("attributes", "statistic"),
    [
        ({"cell_methods": "time: sum"}, "accumulated"),
        ({"cell_methods": "time: mean"}, "averaged"),
        ({"cell_methods": "time: maximum"}, "maximum_over"),
        ({"GRIB_stepType": "accum"}, "accumulated"),
    ],
)
def test_a_time_that_is_not_said_is_not_guessed_and_an_option_says_it(attributes, statistic, tmp_path):
    """Six-hourly times may have values over one hour, as in ERA5."""
    with pytest.warns(UnsaidPeriodWarning, match=r"a\.nc does not say .*: x \(.*periods=\{x: 1h\}"):
        source = netcdf(tmp_path / "a.nc", bounds=0, **attributes)
    assert source.metadata == {"x": Variable("x", units="K", role=Role.DIAGNOSTIC)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if statistic == "accumulated":  # Of hourly sums every six hours there is none over six.
            with pytest.raises(DataError, match=r"x for 2020-01-01T06 \(its fields are over 1h\)"):
                NetcdfSource(path=str(tmp_path / "a.nc"), periods={"x": "1h"}, skip_incomplete=True)
            return
        said = NetcdfSource(path=str(tmp_path / "a.nc"), periods={"x": "1h"})
    assert said.metadata["x"].statistic == (statistic, HOUR)
    np.testing.assert_array_equal(said.read(said.times), source.read(source.times))
    assert said.provenance["identity"] != source.provenance["identity"]


def test_hourly_sums_whose_time_an_option_says_are_summed(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        hours = np.arange(1.0, 13.0)
        variable(file, "time", ("time",), hours, units="hours since 2020-01-01", standard_name="time")
        rain = np.broadcast_to(hours[:, None, None], (12, 2, 3))
        how = {"units": "m", "GRIB_stepType": "accum"}
        variable(file, "tp", ("time", "latitude", "longitude"), rain, **how)
    options = {"periods": {"tp": "1h"}, "frequency": "6h", "skip_incomplete": True}
    source = NetcdfSource(path=str(tmp_path / "a.nc"), **options)
    there = [time for time in source.times if time not in source.missing]
    assert there == [np.datetime64("2020-01-01T07")]
    assert source.read(there)[0, 0, 0, 0] == 2 + 3 + 4 + 5 + 6 + 7
    assert source.metadata["tp"].accumulated == 6 * HOUR


def test_a_time_that_one_file_says_and_another_does_not_is_refused(tmp_path):
    netcdf(tmp_path / "a.nc", bounds=6, cell_methods="time: mean")
    with netCDF4.Dataset(tmp_path / "b.nc", "w") as file:
        grid(file)
        about = {"units": "hours since 2020-01-02", "standard_name": "time"}
        variable(file, "time", ("time",), np.array([0.0, 6.0]), **about)
        dimensions = ("time", "latitude", "longitude")
        variable(file, "x", dimensions, np.ones((2, 2, 3)), units="K", cell_methods="time: mean")
    with pytest.raises(DataError, match=r"x for 2020-01-02T00 in .*b\.nc does not say it") as caught:
        NetcdfSource(path=str(tmp_path / "?.nc"))
    assert "periods={x: 1h}" in caught.value.fix
    source = NetcdfSource(path=str(tmp_path / "?.nc"), periods={"x": "6h"})
    assert source.metadata["x"].averaged == 6 * HOUR


@pytest.mark.parametrize(
    ("periods", "error", "told"),
    [
        ({"x": "3h"}, DataError, "x in .*a.nc is over 6h, not 3h"),
        ({"y": "3h"}, DataError, "has no y that is a sum, a mean or an extreme"),
        ({"x": "0h"}, ConfigError, "periods.x: '0h' is no time"),
    ],
)
def test_periods_that_cannot_be_are_refused(periods, error, told, tmp_path):
    with pytest.raises(error, match=told) as caught:
        netcdf(tmp_path / "a.nc", cell_methods="time: mean", options={"periods": periods})
    assert caught.value.fix


def test_methods_that_no_variable_can_be_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"x in .* is the maximum, mean over some time"):
        netcdf(tmp_path / "a.nc", cell_methods="time: maximum within days time: mean over days")


@pytest.mark.parametrize(
    ("about", "levels"),
    [
        ({"units": "km", "positive": "up"}, (5000, 10000, "height")),
        ({"units": "cm", "positive": "down"}, (0.05, 0.1, "depth")),
        ({"units": "kPa"}, (50, 100, "pressure")),
        ({"units": "millibars"}, (5, 10, "pressure")),
        ({"units": "1", "standard_name": "model_level_number"}, (5, 10, "model")),
    ],
)
def test_netcdf_by_the_units_of_levels(about, levels, tmp_path):
    *numbers, level_type = levels
    found = netcdf(tmp_path / "a.nc", bounds=0, levels={"axis": "Z", **about}).metadata.values()
    assert [each.level for each in found] == pytest.approx(numbers)
    assert {each.level_type for each in found} == {level_type}


@pytest.mark.parametrize(
    ("about", "level_type"),
    [
        ({"standard_name": "air_pressure", "units": "hPa"}, "pressure"),
        ({"long_name": "pressure", "units": "hPa"}, "pressure"),
        ({"standard_name": "atmosphere_hybrid_sigma_pressure_coordinate", "positive": "down"}, "model"),
        ({"standard_name": "height", "units": "m", "positive": "up"}, "height"),
        ({"standard_name": "depth", "units": "m", "positive": "down"}, "depth"),
    ],
)
def test_netcdf_by_the_coordinate_of_levels(about, level_type, tmp_path):
    source = netcdf(tmp_path / "a.nc", bounds=0, levels={"axis": "Z", **about})
    assert source.metadata == {
        name: Variable(name, units="K", level=float(level), level_type=level_type)
        for level in (5, 10)
        for name in [level_name("x", level, level_type)]
    }


@pytest.mark.parametrize(
    "about",
    [{"units": "km"}, {"units": "1"}, {"units": "furlong", "positive": "up"}, {"units": "hybrid"}, {}],
)
def test_levels_that_nothing_tells_are_not_taken_for_pressure(about, tmp_path):
    """Level 10 would be written to GRIB as 10 hPa."""
    with pytest.raises(
        DataError, match=r"a\.nc: the levels of x \(.*are of a type that nothing tells"
    ) as caught:
        netcdf(tmp_path / "a.nc", bounds=0, levels={"axis": "Z", **about})
    assert "level_type=pressure" in caught.value.fix
    source = NetcdfSource(path=str(tmp_path / "a.nc"), level_type="model")
    assert {each.level_type for each in source.metadata.values()} == {"model"}
    assert all(name.startswith("x_model_") for name in source.variables)


def test_levels_of_which_nothing_is_said_are_pressure_where_they_can_be_nothing_else(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        grid(file)
        variable(file, "time", ("time",), [0.0, 6.0], units="hours since 2020-01-01", standard_name="time")
        variable(file, "level", ("level",), [100.0, 850.0])
        variable(file, "t", ("time", "level", "latitude", "longitude"), np.ones((2, 2, 2, 3)), units="K")
    source = NetcdfSource(path=str(tmp_path / "a.nc"))
    assert {each.level_type for each in source.metadata.values()} == {"pressure"}
