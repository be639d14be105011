from __future__ import annotations

import numpy as np
import pytest

from anemoi_plugin_verification.units import decimals, display_unit, in_hours, in_words, long_name


def test_quantities_are_shown_in_the_units_people_use() -> None:
    pressure = display_unit("Pa")
    assert (101325 * pressure.factor, pressure.label) == (pytest.approx(1013.25), "hPa")
    humidity = display_unit("kg kg**-1")
    assert (0.012 * humidity.factor, humidity.label) == (pytest.approx(12), "g/kg")
    assert display_unit("m s**-1").label == "m/s"
    assert (display_unit("furlong").label, display_unit("furlong").factor) == ("furlong", 1.0)
    assert display_unit(None).label == ""


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2.27, 50.5], 2), ([0.0123], 4), ([123.0], 0), ([5e-9], 6), ([], 2), ([0.0, np.nan, 12.3], 1)],
)
def test_the_smallest_error_is_shown_with_three_digits(values, expected) -> None:
    assert decimals(values) == expected


def test_names_and_times_are_written_out() -> None:
    assert long_name("msl") == "Mean sea level pressure (msl)"
    assert long_name("t_500") == "Temperature (t_500)"
    assert long_name("xyz_3") == "xyz_3"
    assert in_hours(np.timedelta64(90, "m")) == "1.5 h"
    assert in_words(np.datetime64("2025-12-02T06")) == "2 December 2025 06:00 UTC"
