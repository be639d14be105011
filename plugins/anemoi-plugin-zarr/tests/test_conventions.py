"""What stores of fields say by attributes of the CF conventions: valid ranges, and means over some time."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi.core.variable import Role

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.gridded.placed import LeftOutWarning, UnsaidPeriodWarning

from .conftest import Make
from .test_gridded import TIMES, field, store, weatherbench

HOUR = np.timedelta64(3600, "s")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("kind", "about", "packing"),
    [
        ("i2", {"valid_range": [2, 5]}, {}),
        ("i2", {"valid_min": 2, "valid_max": 5}, {}),
        ("i2", {"valid_range": [2, 5]}, {"scale_factor": 0.1, "add_offset": 270.0}),
        ("i2", {"valid_range": [2, 5]}, {"scale_factor": -0.1}),
        ("i2", {"valid_range": [270.15, 270.55]}, {"scale_factor": 0.1, "add_offset": 270.0}),
        ("f4", {"valid_range": [2.0, 5.0]}, {}),
        ("f4", {"valid_range": [2, 5]}, {}),
    ],
)
def test_values_outside_of_the_valid_range_are_missing(
    tmp_path: Path, kind: str, about: dict[str, Any], packing: dict[str, Any], version: int
) -> None:
    numbers = np.tile(np.arange(1.0, 7.0), 10).reshape(5, 4, 3)
    unpacked = numbers * packing.get("scale_factor", 1.0) + packing.get("add_offset", 0.0)
    dimensions = ("time", "longitude", "latitude")
    made = weatherbench(sst=(dimensions, unpacked, about, {"dtype": kind, **packing}))
    source = ZarrSource(path=store(made, tmp_path / "w.zarr", zarr_format=version), select=["sst"])
    inside = (numbers >= 2) & (numbers <= 5)
    expected = np.where(inside, unpacked, np.nan).transpose(0, 2, 1).reshape(5, 12)
    np.testing.assert_allclose(source.read(source.times)[:, 0, :, 0], expected, rtol=1e-6)


def mean(lengths: list[int] | None, attributes: dict[str, str]) -> xr.Dataset:
    """A store with a variable of six-hourly dates, whose bounds are as many hours before them."""
    made = weatherbench(ssr=(("time", "longitude", "latitude"), field(0, 5, 4, 3), attributes))
    if lengths is not None:
        starts = TIMES - np.array(lengths).astype("m8[h]")
        made = made.assign(bounds=(("time", "two"), np.stack([starts, TIMES], axis=1)))
        made["time"].attrs["bounds"] = "bounds"
    return made


@pytest.mark.parametrize(
    ("lengths", "attributes", "expected"),
    [
        ([6] * 5, {"cell_methods": "time: mean"}, {"averaged": 6 * HOUR}),
        ([3] * 5, {"cell_methods": "area: mean time: maximum"}, {"maximum_over": 3 * HOUR}),
        ([1] * 5, {"GRIB_stepType": "accum"}, {"accumulated": 1 * HOUR}),
        ([1] * 5, {"GRIB_stepType": "instant"}, {}),
    ],
)
def test_the_bounds_of_the_dates_tell_what_time_a_mean_is_over(
    tmp_path: Path, lengths: list[int], attributes: dict[str, str], expected: dict[str, Any]
) -> None:
    # A name that says nothing.
    made = mean(lengths, attributes).rename(ssr="flux")
    known = ZarrSource(path=store(made, tmp_path / "w.zarr"), select=["flux"]).metadata["flux"]
    assert known.statistic == (next(iter(expected.items())) if expected else None)
    assert known.role is (Role.DIAGNOSTIC if expected else Role.PROGNOSTIC)


@pytest.mark.parametrize(
    ("lengths", "attributes", "told"),
    [
        ([3, 6, 3, 6, 3], {"cell_methods": "time: mean"}, r"ssr \(over 3h, 6h\)"),
        ([6] * 5, {"cell_methods": "time: standard_deviation"}, r"ssr \(standard_deviation over time\)"),
        (
            [6] * 5,
            {"cell_methods": "time: maximum within days time: mean over days"},
            r"\(maximum, mean over",
        ),
    ],
)
def test_what_is_no_one_mean_is_left_out_and_said(
    tmp_path: Path, lengths: list[int], attributes: dict[str, str], told: str
) -> None:
    """Means over three and over six hours in turn are not one variable."""
    path = store(mean(lengths, attributes), tmp_path / "w.zarr")
    with pytest.warns(LeftOutWarning, match=told):
        source = ZarrSource(path=path)
    assert "ssr" not in source.variables


def test_a_time_that_is_not_said_is_not_guessed_and_an_option_says_it(tmp_path: Path) -> None:
    path = store(mean(None, {"cell_methods": "time: mean"}), tmp_path / "w.zarr")
    with pytest.warns(UnsaidPeriodWarning, match=r"w\.zarr does not say .*: ssr\. .*periods=\{ssr: 1h\}"):
        known = ZarrSource(path=path).metadata["ssr"]
    assert (known.role, known.statistic) == (Role.DIAGNOSTIC, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = ZarrSource(path=path, periods={"ssr": "3h"}).metadata["ssr"]
    assert known.statistic == ("averaged", 3 * HOUR)


def _opened(path: str, periods: dict[str, str]) -> ZarrSource:
    ZarrSource.check_options(periods=periods)
    return ZarrSource(path=path, periods=periods)


@pytest.mark.parametrize(
    ("periods", "error", "told"),
    [
        ({"tp": "3h"}, DataError, "tp in .* is over 6h, not 3h"),
        ({"2t": "3h"}, DataError, "2t in .* is no sum, mean or extreme"),
        ({"cp": "3h"}, DataError, "has no cp"),
        ({"tp": "3"}, ConfigError, "periods.tp: '3' is not a duration"),
        ({"tp": "0h"}, ConfigError, "periods.tp: '0h' is no time"),
    ],
)
def test_periods_that_cannot_be_are_refused(
    tmp_path: Path, periods: dict[str, str], error: type[AnemoiError], told: str
) -> None:
    path = store(weatherbench(), tmp_path / "w.zarr")
    with pytest.raises(error, match=told) as caught:
        _opened(path, periods)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["scale_factor", "valid_range"])
def test_packed_data_of_anemoi_datasets_are_refused(make: Make, name: str) -> None:
    """Nobody would unpack them: that layout has no attributes of values."""
    path = make()
    (path / "data" / ".zattrs").write_text(f'{{"{name}": 0.1}}')
    with pytest.raises(DataError, match=f"array 'data' has the attribute '{name}'"):
        ZarrSource(path=str(path))
