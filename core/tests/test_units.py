from __future__ import annotations

import pytest

from anemoi.core.units import Conversion, conversion, same_unit, udunits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kg kg**-1", "1"),
        ("kg kg**-1", "kg/kg"),
        ("(0 - 1)", "1"),
        ("m**2 s**-2", "m2 s-2"),
        ("m**2 s**-2", "s^-2.m^2"),
        ("m s**-1", "m/s"),
        ("kg m**-2 s**-1", "kg/m2/s"),
        ("K", "kelvin"),
        ("degC", "celsius"),
        ("W/(m2 K)", "W/(m2 K)"),
    ],
)
def test_one_unit_written_in_two_ways(one, other):
    assert same_unit(one, other)
    assert same_unit(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K", "degC"),
        ("Pa", "hPa"),
        ("m", "mm"),
        ("m s**-1", "m s**-2"),
        ("m", "10 m"),
        ("%", "1"),
        ("m", "M"),
    ],
)
def test_two_units(one, other):
    assert not same_unit(one, other)
    assert not same_unit(other, one)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [("m**2 s**-2", "m2 s-2"), ("m^2 s^-2", "m2 s-2"), (" K ", "K"), ("(0 - 1)", "1"), ("~", "1"), ("", "")],
)
def test_units_are_spelled_as_the_cf_conventions_do(written, spelled):
    assert udunits(written) == spelled
    assert same_unit(written, spelled)


def test_degrees_of_angles_are_one_unit_however_they_are_written():
    for text in ("degrees", "deg", "Degree true", "°"):
        assert same_unit(text, "degree")
        assert conversion("wdir_850", text, "Degree true") == Conversion(1.0)
        assert udunits(text) == "degree"
    assert conversion("wdir_850", "degrees", "degC") is None
