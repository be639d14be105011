import numpy as np
import pytest

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

MIDSUMMER, MIDWINTER, SPRING = "2025-06-21", "2025-12-21", "2025-03-21"


def hours(latitude, date):
    """The length of the day at a latitude, in hours."""
    times = np.array([date], dtype="datetime64[s]")
    found = {{ cookiecutter.__class }}().compute(np.array([latitude]), np.array([10.0]), times)
    return 24 * found.item()


def test_at_the_equator_day_and_night_are_equal_all_year():
    for date in (MIDSUMMER, MIDWINTER, SPRING):
        assert hours(0.0, date) == pytest.approx(12.0)


def test_in_spring_they_are_equal_everywhere():
    for latitude in (-60.0, 30.0, 60.0):
        assert hours(latitude, SPRING) == pytest.approx(12.0, abs=0.2)


def test_days_in_berlin_are_as_long_as_an_almanac_says():
    """But for refraction, which makes them some minutes longer."""
    assert hours(52.5, MIDSUMMER) == pytest.approx(16.8, abs=0.3)
    assert hours(52.5, MIDWINTER) == pytest.approx(7.6, abs=0.3)


def test_the_sun_does_not_set_in_the_polar_summer_nor_rise_in_the_polar_winter():
    assert hours(80.0, MIDSUMMER) == hours(-80.0, MIDWINTER) == 24.0
    assert hours(-80.0, MIDSUMMER) == hours(80.0, MIDWINTER) == 0.0
