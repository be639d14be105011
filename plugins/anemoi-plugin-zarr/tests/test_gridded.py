"""Stores of fields along dimensions: made here with xarray as WeatherBench 2 and ARCO-ERA5 are laid out."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from anemoi.core.errors import ConfigError, DataError, NotThereError
from anemoi.core.variable import Role
from click.testing import CliRunner

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.commands.data import command
from anemoi_plugin_zarr.gridded.forecasts import OrderWarning

TIMES = np.datetime64("2020-01-01T00", "ns") + np.arange(5) * np.timedelta64(6, "h")
LEVELS = np.array([500, 850])
LATITUDES = np.array([-60.0, 0.0, 60.0])
LONGITUDES = np.arange(4) * 90.0


def field(seed: float, *shape: int) -> np.ndarray:
    return (seed + np.arange(np.prod(shape)).reshape(shape)).astype("f4")


def weatherbench(**changes: Any) -> xr.Dataset:
    """The layout of WeatherBench 2: longitudes first, levels without units, constants without time."""
    coordinates = {
        "time": TIMES,
        "level": LEVELS,
        "longitude": ("longitude", LONGITUDES, {"units": "degrees_east"}),
        "latitude": ("latitude", LATITUDES, {"units": "degrees_north"}),
    }
    on_levels, at_surface = ("time", "level", "longitude", "latitude"), ("time", "longitude", "latitude")
    sst = field(280, 5, 4, 3)
    sst[:, 1] = np.nan
    fields = {
        "temperature": (on_levels, field(200, 5, 2, 4, 3), {"units": "K"}),
        "geopotential": (on_levels, field(5e4, 5, 2, 4, 3), {"units": "m**2 s**-2"}),
        "2m_temperature": (at_surface, field(270, 5, 4, 3), {"units": "K"}),
        "sea_surface_temperature": (at_surface, sst, {"units": "K"}),
        "total_precipitation_6hr": (at_surface, field(0, 5, 4, 3), {"units": "m"}),
        "land_sea_mask": (on_levels[2:], field(0, 4, 3), {"units": "(0 - 1)"}),
    }
    return xr.Dataset(fields, coordinates).assign(changes)


def store(dataset: xr.Dataset, path: Path, **how: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.to_zarr(path, **how)
    return str(path)


FORMATS = [
    {"zarr_format": 2, "consolidated": True},
    {"zarr_format": 2, "consolidated": False},
    {"zarr_format": 3, "consolidated": True},
    {"zarr_format": 3, "consolidated": False},
]


@pytest.mark.parametrize("how", FORMATS, ids=lambda how: f"{how['zarr_format']}-{how['consolidated']}")
def test_a_store_of_weatherbench_is_a_source(tmp_path: Path, how: dict[str, Any]) -> None:
    made = weatherbench()
    source = ZarrSource(path=store(made, tmp_path / "w.zarr", **how))
    assert source.variables == ("2t", "z_500", "z_850", "lsm", "sst", "t_500", "t_850", "tp")
    np.testing.assert_array_equal(source.times, TIMES.astype("M8[s]"))
    assert (source.frequency, source.missing, source.grid.field_shape) == (
        np.timedelta64(6, "h"),
        frozenset(),
        (3, 4),
    )
    # Rows of latitude, whatever the order in the store.
    np.testing.assert_array_equal(source.grid.latitudes, np.repeat(LATITUDES, 4))
    np.testing.assert_array_equal(source.grid.longitudes, np.tile(LONGITUDES, 3))
    read = source.read(source.times[[3, 1]])
    assert read.shape == (2, 1, 12, 8)
    place = source.variables.index
    for name, own, level in (("t_850", "temperature", 1), ("z_500", "geopotential", 0)):
        expected = made[own].values[[3, 1], level].transpose(0, 2, 1).reshape(2, 12)
        np.testing.assert_array_equal(read[:, 0, :, place(name)], expected)
    sst = made["sea_surface_temperature"].values[[3, 1]].transpose(0, 2, 1).reshape(2, 12)
    np.testing.assert_array_equal(read[:, 0, :, place("sst")], sst)
    assert np.isnan(read[..., place("sst")]).sum() == 6
    for i in (0, 1):
        np.testing.assert_array_equal(read[i, 0, :, place("lsm")], made["land_sea_mask"].values.T.ravel())
    assert dict(source.units) == {
        **dict.fromkeys(("t_500", "t_850", "2t", "sst"), "K"),
        **dict.fromkeys(("z_500", "z_850"), "m**2 s**-2"),
        "tp": "m",
        "lsm": "(0 - 1)",
    }
    known = source.metadata
    assert (known["t_850"].level, known["t_850"].level_type) == (850.0, "pressure")
    assert (known["tp"].role, known["tp"].accumulated) == (Role.DIAGNOSTIC, np.timedelta64(6, "h"))
    assert (known["lsm"].role, known["lsm"].constant) == (Role.FORCING, True)


def test_options_choose_of_it_and_processes_share_it(tmp_path: Path) -> None:
    path = store(weatherbench(), tmp_path / "w.zarr")
    source = ZarrSource(
        path=path, select=["2t", "z_850"], start="2020-01-01T06", frequency="12h", area=[90, 80, -10, 200],
        rename={"2t": "t2m"},
    )  # fmt: skip
    assert source.variables == ("t2m", "z_850")
    assert len(source.grid) == 4
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read(source.times), source.read(source.times))
    np.testing.assert_array_equal(
        source.read(source.times)[:, 0, :, 1],
        weatherbench()["geopotential"].values[[1, 3], 1, 1:3, 1:].transpose(0, 2, 1).reshape(2, 4),
    )


def test_dates_in_any_order_and_gaps_are_put_in_order(tmp_path: Path) -> None:
    made = weatherbench().isel(time=[4, 2, 0, 1])
    path = store(made, tmp_path / "w.zarr")
    with pytest.warns(OrderWarning, match=r"w\.zarr: the times are put in order"):
        source = ZarrSource(path=path)
    assert source.missing == {np.datetime64("2020-01-01T18")}
    at = source.read([np.datetime64("2020-01-01T06")])[0, 0, :, 0]
    np.testing.assert_array_equal(at, made["2m_temperature"].values[3].T.ravel())
    with pytest.raises(DataError, match="missing"):
        source.read([np.datetime64("2020-01-01T18")])
    hours = np.array([0, 6, 15]).astype("timedelta64[h]")
    odd = weatherbench().isel(time=slice(3)).assign_coords(time=TIMES[0] + hours)
    with pytest.raises(DataError, match="not equally spaced"):
        ZarrSource(path=store(odd, tmp_path / "odd.zarr"))
    one = store(weatherbench().isel(time=[2]), tmp_path / "one.zarr")
    with pytest.raises(DataError, match="one time alone") as told:
        ZarrSource(path=one)
    assert "frequency=6h" in str(told.value)
    assert len(ZarrSource(path=one, frequency="6h").times) == 1


def test_times_after_the_end_of_the_data_are_none(tmp_path: Path) -> None:
    made = weatherbench().assign_attrs(valid_time_start="2020-01-01", valid_time_stop="2020-01-01")
    source = ZarrSource(path=store(made, tmp_path / "arco.zarr"))
    assert source.times[-1] == np.datetime64("2020-01-01T18")


@pytest.mark.parametrize(
    ("levels", "attributes", "name", "expected"),
    [
        ([50000, 85000], {"units": "Pa", "standard_name": "air_pressure"}, "level", "t_500"),
        ([500, 850], {"units": "millibars"}, "level", "t_500"),
        ([500, 850], {"units": "hectopascals"}, "level", "t_500"),
        ([1, 2], {}, "hybrid", "t_model_1"),
        ([10, 100], {"units": "m", "positive": "up"}, "height", "t_height_10"),
        ([0.5, 10], {"units": "m", "positive": "down"}, "depth", "t_depth_0.5"),
    ],
)
def test_levels_are_what_their_coordinate_says(
    tmp_path: Path, levels: list[float], attributes: dict[str, str], name: str, expected: str
) -> None:
    made = weatherbench()[["temperature"]].assign_coords(level=("level", levels, attributes))
    source = ZarrSource(path=store(made.rename(level=name), tmp_path / "w.zarr"))
    assert source.variables[0] == expected


def test_levels_that_nothing_tells_are_asked_for(tmp_path: Path) -> None:
    made = weatherbench()[["temperature"]].assign_coords(level=[100, 137])
    path = store(made, tmp_path / "w.zarr")
    with pytest.raises(DataError, match=r"what the levels of level are .*100, 137"):
        ZarrSource(path=path)
    assert ZarrSource(path=path, level_type="model").variables == ("t_model_100", "t_model_137")
    metres = made.assign_coords(level=("level", [1, 2], {"units": "K"}))
    with pytest.raises(DataError, match="levels of height in K"):
        ZarrSource(path=store(metres, tmp_path / "k.zarr"), level_type="height")


def test_sums_over_several_times_keep_their_names(tmp_path: Path) -> None:
    tp = weatherbench()["total_precipitation_6hr"]
    made = weatherbench(total_precipitation_24hr=4 * tp)
    source = ZarrSource(path=store(made, tmp_path / "w.zarr"))
    known = {name: each.accumulated for name, each in source.metadata.items() if each.accumulated}
    assert known == {
        "total_precipitation_6hr": np.timedelta64(6, "h"),
        "total_precipitation_24hr": np.timedelta64(24, "h"),
    }


def forecasts() -> xr.Dataset:
    """Two forecasts of three lead times and two members."""
    shape = ("time", "number", "prediction_timedelta", "latitude", "longitude")
    return xr.Dataset(
        {"2m_temperature": (shape, field(0, 2, 2, 3, 3, 4), {"units": "K"})},
        {
            "time": TIMES[[0, 2]],
            "number": [0, 1],
            "prediction_timedelta": ("prediction_timedelta", [6, 12, 18], {"units": "hours"}),
            "latitude": LATITUDES,
            "longitude": LONGITUDES,
        },
    )


def test_one_forecast_or_one_lead_time_is_chosen_of_several(tmp_path: Path) -> None:
    made = forecasts()
    path = store(made, tmp_path / "f.zarr")
    values = made["2m_temperature"].values.reshape(2, 2, 3, 12)
    with pytest.raises(ConfigError, match="2 forecasts of 3 lead times") as told:
        ZarrSource(path=path)
    assert "base=2020-01-01T12" in str(told.value)
    for base, at in (("latest", 1), ("2020-01-01T12", 1), ("2020-01-01", 0)):
        source = ZarrSource(path=path, base=base)
        np.testing.assert_array_equal(
            source.times, (TIMES[[0, 2]][at] + np.arange(1, 4) * np.timedelta64(6, "h"))
        )
        np.testing.assert_array_equal(source.read(source.times)[..., 0], values[at].transpose(1, 0, 2))
    source = ZarrSource(path=path, step="12h")
    np.testing.assert_array_equal(source.times, TIMES[[2, 4]])
    np.testing.assert_array_equal(source.read(source.times)[..., 0], values[:, :, 1])
    assert len({ZarrSource(path=path, base=b).provenance["identity"] for b in ("latest", "2020-01-01")}) == 2
    source = ZarrSource(path=path, step="12h", members=[1])
    np.testing.assert_array_equal(source.read(source.times)[..., 0], values[:, [1], 1])
    source = ZarrSource(path=path, step="12h", members=[1, 0])
    np.testing.assert_array_equal(source.read(source.times)[..., 0], values[:, [1, 0], 1])
    with pytest.raises(NotThereError, match=r"no member 7\.\nIt has 2, from 0 to 1"):
        ZarrSource(path=path, step="12h", members=[7])
    with pytest.raises(ConfigError, match="does not name each once"):
        ZarrSource(path=path, step="12h", members=[0, 0])
    for wrong in ({"base": "2020-01-02"}, {"step": "24h"}):
        with pytest.raises(NotThereError, match=r"no (forecast from|lead time)"):
            ZarrSource(path=path, **wrong)
    with pytest.raises(ConfigError, match="holds no forecasts"):
        ZarrSource(path=store(weatherbench(), tmp_path / "w.zarr"), base="latest")


def test_packed_values_points_along_one_dimension_and_strange_dimensions(tmp_path: Path) -> None:
    values = np.array([[0.0, np.nan, 2.5, 5.0], [7.5, 1.0, 2.0, 3.0]], dtype="f4")
    made = xr.Dataset(
        {
            "2m_temperature": (("time", "cell"), values, {"units": "degC"}),
            "spectrum": (("time", "band", "cell"), field(0, 2, 3, 4)),
            "number_of_cells": ((), 4),
        },
        {
            "time": TIMES[:2],
            "lat": ("cell", [50.0, 51.0, 52.0, 53.0], {"standard_name": "latitude"}),
            "lon": ("cell", [5.0, 6.0, 7.0, 8.0], {"standard_name": "longitude"}),
        },
    )
    packing = {
        "2m_temperature": {"dtype": "i2", "scale_factor": 0.5, "add_offset": 10.0, "_FillValue": -32768}
    }
    path = store(made, tmp_path / "icon.zarr", encoding=packing)
    with pytest.warns(UserWarning, match=r"left out: spectrum \(along band\)"):
        source = ZarrSource(path=path)
    assert source.variables == ("2t",)
    np.testing.assert_array_equal(source.read(source.times)[:, 0, :, 0], values)
    assert source.grid.field_shape is None


def test_radians_are_degrees(tmp_path: Path) -> None:
    made = weatherbench(
        latitude=("latitude", np.deg2rad(LATITUDES), {"standard_name": "latitude", "units": "radian"})
    )
    source = ZarrSource(path=store(made, tmp_path / "w.zarr"))
    np.testing.assert_allclose(source.grid.latitudes, np.repeat(LATITUDES, 4))


def test_what_is_neither_layout_says_what_it_holds(tmp_path: Path) -> None:
    path = store(xr.Dataset({"x": ("n", [1.0])}), tmp_path / "x.zarr")
    with pytest.raises(DataError, match="no coordinates of latitude and longitude; it has x"):
        ZarrSource(path=path)
    with pytest.raises(NotThereError):
        ZarrSource(path=str(tmp_path / "absent.zarr"))
    years = (
        weatherbench()
        .isel(time=slice(2))
        .assign_coords(time=xr.date_range("2000-02-28", periods=2, calendar="360_day", use_cftime=True))
    )
    with pytest.raises(DataError, match="calendar 360_day"):
        ZarrSource(path=store(years, tmp_path / "c.zarr"))


def test_a_vanished_chunk_names_the_field(tmp_path: Path) -> None:
    path = store(weatherbench(), tmp_path / "w.zarr", zarr_format=2)
    source = ZarrSource(path=path)
    (tmp_path / "w.zarr" / "2m_temperature" / "0.0.0").write_bytes(b"short")
    with pytest.raises(DataError, match="2m_temperature cannot be read"):
        source.read(source.times[:1])


def test_a_data_set_is_made_of_it(tmp_path: Path) -> None:
    path, target = store(weatherbench(), tmp_path / "w.zarr"), tmp_path / "out.zarr"
    arguments = ["create", path, "select=[t_850,2t,lsm,tp]", str(target)]
    made = CliRunner().invoke(command, arguments)
    assert made.exit_code == 0, made.output
    source, data = ZarrSource(path=path, select=["t_850", "2t", "lsm", "tp"]), ZarrSource(path=str(target))
    np.testing.assert_array_equal(data.read(data.times), source.read(source.times))
    assert data.metadata == source.metadata
