"""What two fields of one name are: never merged, never preferred in silence."""

from __future__ import annotations

import netCDF4
import numpy as np
import pytest
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.variable import placed

from anemoi_plugin_earthkit import GribSource, NetcdfSource
from anemoi_plugin_earthkit.choice import SeveralWarning

from .making import message, write
from .test_netcdf import grid, variable

TIMES = ("2020-01-01T00", "2020-01-01T06", "2020-01-01T12")


def values(source, name):
    """The first point of a variable at all times that are there."""
    times = [time for time in source.times if time not in source.missing]
    return source.read(times)[:, 0, 0, source.variables.index(name)].tolist()


LEVELS = [
    ("t", "isobaricInhPa", 100, "t_100"),
    ("t", "isobaricInPa", 50, "t_0.5"),
    ("t", "hybrid", 100, "t_model_100"),
    ("t", "heightAboveGround", 100, "t_height_100"),
    ("t", "heightAboveSea", 100, "t_heightAboveSea_100"),
    ("t", "sigma", 100, "t_sigma_100"),
    ("t", "theta", 300, "t_theta_300"),
    ("pt", "potentialVorticity", 2000, "pt_pv_2000"),
    ("t", "depthBelowSea", 15, "t_depth_15"),
    ("t", "surface", 0, "t"),
    ("t", "tropopause", 0, "t_tropopause"),
]


def on_levels(*chosen):
    return [
        message(name, None, time=time, typeOfLevel=kind, level=level, values=10.0 * number)
        for time in TIMES
        for number, (name, kind, level, _) in enumerate(LEVELS)
        if not chosen or kind in chosen
    ]


def test_one_parameter_on_levels_of_many_types_is_many_variables(tmp_path):
    source = GribSource(path=str(write(tmp_path / "a.grib", on_levels())))
    names = [name for *_, name in LEVELS]
    assert list(source.variables) == names
    assert source.read(source.times)[0, 0, 0].tolist() == [10.0 * number for number in range(len(LEVELS))]
    for name in names:
        known = source.metadata[name]
        assert placed(known).level == known.level
        if known.level is not None:
            assert placed(known).short_name in ("t", "pt")


def test_names_may_be_without_types_where_that_is_clear(tmp_path):
    path = write(tmp_path / "a.grib", on_levels("hybrid", "surface"))
    kept = str(tmp_path / "index")
    assert GribSource(path=str(path), index=kept).variables == ("t_model_100", "t")
    plain = GribSource(path=str(path), typed_levels=False, index=kept)
    assert plain.variables == ("t_100", "t")
    assert plain.metadata["t_100"].level_type == "model"
    assert GribSource(path=str(path), select=["t_100"], index=kept).variables == ("t_100",)
    path = write(tmp_path / "b.grib", on_levels("hybrid", "heightAboveGround"))
    with pytest.raises(DataError, match=r"Two variables .* are called t_100: on model 100, and on"):
        GribSource(path=str(path), typed_levels=False)
    with pytest.raises(DataError, match="has no t_100"):
        GribSource(path=str(path), select=["t_100"])


def test_variables_are_called_as_is_asked_for(tmp_path):
    path = write(tmp_path / "a.grib", on_levels("isobaricInhPa", "hybrid", "surface"))
    kept = str(tmp_path / "index")
    assert GribSource(path=str(path), index=kept).variables == ("t_100", "t_model_100", "t")
    renamed = GribSource(path=str(path), rename={"t_model_100": "t_510", "t": "ta"}, index=kept)
    assert renamed.variables == ("ta_100", "t_510", "ta")
    assert renamed.metadata["t_510"].level_type == "model"
    assert renamed.read(renamed.times)[0, 0, 0].tolist() == [0.0, 20.0, 90.0]


def test_the_fraction_of_a_level_is_kept(tmp_path):
    sigma = {
        "typeOfLevel": "sigma",
        "scaleFactorOfFirstFixedSurface": 2,
        "scaledValueOfFirstFixedSurface": 51,
    }
    layer = {"typeOfLevel": "depthBelowLandLayer"}
    for which, (scale, value) in {"First": (2, 10), "Second": (2, 40)}.items():
        layer |= {
            f"scaleFactorOf{which}FixedSurface": scale, f"scaledValueOf{which}FixedSurface": value
        }  # fmt: skip
    made = [
        message(name, None, time=time, **keys)
        for time in TIMES
        for name, keys in (("t", sigma), ("sot", layer))
    ]
    source = GribSource(path=str(write(tmp_path / "a.grib", made)))
    assert source.variables == ("t_sigma_0.51", "sot_depthBelowLandLayer_0.1-0.4")
    assert source.metadata["t_sigma_0.51"].level == 0.51


def average(start, end, value, process="avg", name="avg_sdswrf"):
    return message(
        name, None, time="2020-01-01T00", step=f"{start}-{end}", stepType=process, values=value, bits=24
    )


def test_means_over_several_periods_are_made_means_over_the_step(tmp_path):
    made = [average(*over) for over in ((0, 3, 100.0), (0, 6, 200.0), (6, 9, 300.0), (6, 12, 400.0))]
    source = GribSource(path=str(write(tmp_path / "a.grib", made)))
    assert values(source, "avg_sdswrf") == pytest.approx([100.0, 300.0, 300.0, 500.0], rel=1e-5)
    assert source.metadata["avg_sdswrf"].averaged == np.timedelta64(3, "h")
    longer = GribSource(path=str(tmp_path / "a.grib"), frequency="6h", skip_incomplete=True)
    assert longer.metadata["avg_sdswrf"].averaged == np.timedelta64(6, "h")


def test_means_that_cannot_be_made_name_their_periods(tmp_path):
    path = write(tmp_path / "a.grib", [average(0, 3, 1.0), average(0, 6, 2.0), average(4, 9, 3.0)])
    with pytest.raises(DataError, match=r"avg_sdswrf for 2020-01-01T09 .*its fields are over 3h, 5h, 6h"):
        GribSource(path=str(path))


def test_extremes_over_several_periods_are_refused_and_over_one_they_are_kept(tmp_path):
    made = [average(0, 3, 1.0, "max", "max_t"), average(0, 6, 2.0, "max", "max_t")]
    with pytest.raises(DataError, match=r"max_t_1000 for 2020-01-01T06.*over 3h, 6h"):
        GribSource(path=str(write(tmp_path / "a.grib", made)))
    made = [average(0, 6, 1.0, "max", "max_t"), average(6, 12, 2.0, "max", "max_t")]
    source = GribSource(path=str(write(tmp_path / "b.grib", made)))
    assert values(source, "max_t_1000") == [1.0, 2.0]
    assert source.metadata["max_t_1000"].statistic == ("maximum_over", np.timedelta64(6, "h"))


def test_a_mean_and_an_instant_of_one_name_are_refused(tmp_path, points):
    """Of which there are some in NetCDF, in one file or the next."""
    hours, about = np.arange(1, 3) * 6.0, {**SINCE, "standard_name": "time"}
    netcdf(tmp_path / "a.nc", ("time",), np.ones((2, *points)), {"time": (("time",), hours, about)})
    path = tmp_path / "b.nc"
    times = {"time": (("time",), hours + 12.0, {**about, "bounds": "over"})}
    times["over"] = (("time", "two"), np.stack([hours + 6.0, hours + 12.0], axis=1), {})
    netcdf(path, ("time",), np.ones((2, *points)), times, cell_methods="time: mean")
    with pytest.raises(DataError, match=r"t2m .* is of several kinds: avg, instant"):
        NetcdfSource(path=str(tmp_path / "?.nc"))


def test_a_process_that_a_variable_cannot_say_is_refused_where_it_is_chosen(tmp_path):
    made = [
        message("t", 850, time=time, step=step, stepType=process)
        for time in TIMES
        for step, process in (("0-6", "sd"),)
    ] + [message("z", 500, time=time) for time in TIMES]
    path = str(write(tmp_path / "a.grib", made))
    with pytest.raises(DataError, match=r"t_850 .* is the sd over some time"):
        GribSource(path=path)
    assert GribSource(path=path, select=["z_500"]).variables == ("z_500",)


def experiments(*versions):
    return [
        message("t", 850, edition=1, time=time, experimentVersionNumber=version, values=float(int(version)))
        for time, of_time in zip(TIMES, versions, strict=True)
        for version in of_time
    ]


def test_era5_is_completed_by_its_preliminary_version_and_that_is_said(tmp_path):
    made = experiments(["0001"], ["0005", "0001"], ["0005"])
    path = str(write(tmp_path / "a.grib", made))
    with pytest.warns(SeveralWarning, match="final ERA5"):
        source = GribSource(path=path)
    assert values(source, "t_850") == [1.0, 1.0, 5.0]
    assert values(GribSource(path=path, expver="1"), "t_850") == [1.0, 1.0]
    with pytest.raises(DataError, match="no fields of experiment 7"):
        GribSource(path=path, expver="7")


def test_other_experiments_are_not_mixed(tmp_path):
    path = str(write(tmp_path / "a.grib", experiments(["0001"], ["0042"], ["0042"])))
    with pytest.raises(DataError, match=r"several experiments .*: 0001, 0042"):
        GribSource(path=path)
    assert values(GribSource(path=path, expver="0042"), "t_850") == [42.0, 42.0]


def test_of_several_forecasts_one_is_chosen(tmp_path):
    made = [
        message("2t", None, time=base, step=str(step), values=number * 100.0 + step)
        for number, base in enumerate(("2020-01-01T00", "2020-01-01T06"))
        for step in (0, 6, 12)
    ]
    path = str(write(tmp_path / "a.grib", made))
    with pytest.raises(DataError, match=r"2t for 2020-01-01T06 .* is there twice") as caught:
        GribSource(path=path)
    assert "latest=true" in caught.value.fix
    assert "base=" in caught.value.fix
    assert values(GribSource(path=path, latest=True), "2t") == [0.0, 100.0, 106.0, 112.0]
    assert values(GribSource(path=path, base="2020-01-01T00"), "2t") == [0.0, 6.0, 12.0]
    assert values(GribSource(path=path, base="2020-01-01T06"), "2t") == [100.0, 106.0, 112.0]
    GribSource.check_options(path=path, base="latest")
    assert values(GribSource(path=path, base="latest"), "2t") == [100.0, 106.0, 112.0]
    assert values(GribSource(path=path, step="6h"), "2t") == [6.0, 106.0]
    assert values(GribSource(path=path, step="0h"), "2t") == [0.0, 100.0]
    with pytest.raises(NotThereError, match="no forecast from 2020-01-02"):
        GribSource(path=path, base="2020-01-02")
    with pytest.raises(
        NotThereError, match=r"no field at step 24h .*\n.*3 steps, the first ones 0h, 6h, 12h"
    ):
        GribSource(path=path, step="24h")


def test_members_are_chosen(tmp_path):
    made = [
        message("2t", None, time=time, member=member, edition=1, values=10.0 * member)
        for time in TIMES
        for member in range(4)
    ]
    path = str(write(tmp_path / "a.grib", made))
    source = GribSource(path=path, members=[3, 1])
    assert source.read(source.times)[:, :, 0, 0].tolist() == [[10.0, 30.0]] * 3
    with pytest.raises(NotThereError, match=r"no member 7\.\nIt has 4, from 0 to 3"):
        GribSource(path=path, members=[1, 7])


def test_accumulations_of_several_forecasts_are_told(tmp_path):
    made = [
        message("tp", None, time=base, step=f"0-{step}", stepType="accum", values=float(step))
        for base in ("2020-01-01T00", "2020-01-01T06")
        for step in (6, 12)
    ]
    path = str(write(tmp_path / "a.grib", made))
    with pytest.warns(SeveralWarning, match="several forecasts of tp"):
        GribSource(path=path)
    assert values(GribSource(path=path, base="2020-01-01T00"), "tp") == [6.0, 6.0]


def netcdf(path, dimensions, fields, coordinates, **attributes):
    """A file of one variable, ``t2m``, on a small grid."""
    with netCDF4.Dataset(path, "w") as file:
        grid(file)
        for name, (along, numbers, about) in coordinates.items():
            variable(file, name, along, numbers, **about)
        variable(file, "t2m", (*dimensions, "latitude", "longitude"), fields, units="K", **attributes)
    return str(path)


@pytest.fixture
def points(tmp_path):
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as file:
        grid(file)
        return tuple(len(file.dimensions[name]) for name in ("latitude", "longitude"))


SINCE = {"units": "hours since 2020-01-01"}


@pytest.mark.parametrize(
    "about", [{}, {"standard_name": "time"}, {"standard_name": "forecast_reference_time"}]
)
@pytest.mark.parametrize("bases", [1, 2])
def test_states_by_base_time_and_step(about, bases, tmp_path, points):
    """As cfgrib writes them, and as its files become where attributes are lost."""
    fields = np.arange(bases * 4.0).reshape(bases, 4, 1, 1) * np.ones(points)
    hours = np.arange(4) * 6.0
    begins = np.arange(bases) * 24.0
    path = netcdf(
        tmp_path / "a.nc",
        ("time", "step"),
        fields,
        {
            "time": (("time",), begins, {**SINCE, **about}),
            "step": (("step",), hours, {"units": "hours", "standard_name": "forecast_period"}),
            "valid_time": (("time", "step"), begins[:, None] + hours, {**SINCE, "standard_name": "time"}),
        },
    )
    source = NetcdfSource(path=path)
    assert source.times.tolist() == [
        np.datetime64("2020-01-01", "s").item().replace(day=1 + n // 4, hour=n % 4 * 6)
        for n in range(4 * bases)
    ]
    assert values(source, "t2m") == list(range(4 * bases))
    if bases == 2:
        assert values(NetcdfSource(path=path, base="2020-01-02"), "t2m") == [4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize("numbers", [[1, 5], [5, 1]])
def test_the_dimension_of_experiments_is_merged_the_final_one_first(numbers, tmp_path, points):
    fields = (
        np.arange(6.0).reshape(6, 1, 1, 1) + np.array([0.0, 100.0]).reshape(1, 2, 1, 1) + np.zeros(points)
    )
    fields[4:, 0] = np.nan
    fields[:2, 1] = np.nan
    if numbers[0] == 5:
        fields = fields[:, ::-1]
    coordinates = {
        "time": (("time",), np.arange(6) * 6.0, {**SINCE, "standard_name": "time"}),
        "expver": (("expver",), numbers, {}),
    }
    path = netcdf(tmp_path / "a.nc", ("time", "expver"), fields, coordinates)
    with pytest.warns(SeveralWarning, match=r"a\.nc: the final ERA5"):
        source = NetcdfSource(path=path)
    assert values(source, "t2m") == [0.0, 1.0, 2.0, 3.0, 104.0, 105.0]
    coordinates["expver"] = (("expver",), [1, 42], {})
    path = netcdf(tmp_path / "b.nc", ("time", "expver"), fields, coordinates)
    with pytest.raises(DataError, match=r"the experiments .* 1, 42"):
        NetcdfSource(path=path)


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "all_leap"])
def test_calendars_that_the_weather_does_not_follow_are_refused(calendar, tmp_path, points):
    about = {**SINCE, "standard_name": "time", "calendar": calendar}
    coordinates = {"time": (("time",), np.arange(3) * 24.0, about)}
    path = netcdf(tmp_path / "a.nc", ("time",), np.ones((3, *points)), coordinates)
    with pytest.raises(DataError, match=rf"time of t2m has the calendar {calendar}"):
        NetcdfSource(path=path)


def test_the_latest_is_no_choice_between_two_of_one_forecast(tmp_path):
    """Such as those of two centres: neither is preferred in silence."""
    centres = ("ecmf", "kwbc")
    made = [message("t", 850, edition=1, time=time, centre=centre) for time in TIMES for centre in centres]
    path = str(write(tmp_path / "a.grib", made))
    with pytest.raises(DataError, match=r"t_850 for .* is there twice"):
        GribSource(path=path, latest=True)
