"""What attributes of the CF conventions say, by its own examples."""

from __future__ import annotations

import numpy as np
import pytest

from anemoi.core.conventions import over_time, valid
from anemoi.core.errors import DataError


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", None),
        ("time: point", None),
        ("time: mean", "mean"),
        ("time: Sum", "sum"),
        ("area: mean time: maximum", "maximum"),
        ("time: minimum area: mean", "minimum"),
        ("time: lat: lon: mean", "mean"),
        ("lat: lon: standard_deviation", None),
        ("area: mean (where land) time: mean", "mean"),
        ("time: mean (interval: 6 hours)", "mean"),
        ("time: mean (interval: 1 hour comment: time: sum)", "mean"),
        ("valid_time: mean", "mean"),
        ("daytime: mean", None),
        ("time: standard_deviation", "standard_deviation"),
        ("time: maximum within days time: mean over days", "maximum, mean"),
    ],
)
def test_cell_methods_along_time(said, expected):
    assert over_time({"cell_methods": said}, {"valid_time"}) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("accum", "sum"),
        ("avg", "mean"),
        ("max", "maximum"),
        ("min", "minimum"),
        ("instant", None),
        ("sd", "sd"),
    ],
)
def test_the_step_type_that_cfgrib_writes(said, expected):
    assert over_time({"GRIB_stepType": said}) == expected
    assert over_time({"GRIB_stepType": said, "cell_methods": "time: mean"}) == "mean"


def test_unsigned_numbers_in_a_signed_type():
    """As NetCDF 3 has them: -2 is 254."""
    values = np.array([0, 1, 200, 254, 255], "f4")
    packing = {"dtype": np.dtype("i1"), "_Unsigned": "true"}
    found = valid(values, {"valid_range": np.array([1, -2], "i1")}, packing, "x")
    np.testing.assert_array_equal(found, [np.nan, 1, 200, 254, np.nan])


def test_all_values_are_valid_where_nothing_is_said():
    values = np.array([1.0, np.nan], "f4")
    assert valid(values, {}, {}, "x") is values
    np.testing.assert_array_equal(valid(values, {"valid_max": 2}, {}, "x"), values)


@pytest.mark.parametrize(
    "said",
    [
        {"valid_range": "2 5"},
        {"valid_range": [1, 2, 3]},
        {"valid_range": 5},
        {"valid_min": "low"},
        {"valid_max": [1, 2]},
    ],
)
def test_a_range_that_is_none_is_named(said):
    with pytest.raises(DataError, match=f"a.nc: sst has the attribute {next(iter(said))} = ") as caught:
        valid(np.zeros(2, "f4"), said, {}, "a.nc: sst")
    assert caught.value.fix
