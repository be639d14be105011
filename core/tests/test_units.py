from __future__ import annotations

import pytest

from anemoi.core.units import Conversion, Unit, conversion, in_si, same_unit, udunits


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


def test_total_ozone_is_a_mass_or_an_amount():
    """A Dobson unit is a layer of 10 µm of ozone at 0 °C and 1013.25 hPa; ECMWF counts 2.1415e-5 kg m-2."""
    assert conversion("tco3", "DU", "kg m**-2").factor == pytest.approx(2.1415e-5, rel=1e-4)
    assert conversion("tco3", "kg m**-2", "DU").factor == pytest.approx(1 / 2.1415e-5, rel=1e-4)
    assert conversion("tcwv", "kg m**-2", "DU") is None


def test_units_of_others_are_looked_up():
    more = {"ft": Unit(0.3048, {"m": 1}), "degF": Unit(5 / 9, {"K": 1}, 273.15 - 32 * 5 / 9)}.get
    assert conversion("z_500", "m**2 s**-2", "ft", more=more).factor == pytest.approx(1 / (9.80665 * 0.3048))
    assert conversion("tp", "kg m**-2", "ft", more=more).factor == pytest.approx(0.001 / 0.3048)
    assert conversion("10u", "m s**-1", "ft/min", more=more).factor == pytest.approx(60 / 0.3048)
    fahrenheit = conversion("2t", "degC", "degF", more=more)
    assert fahrenheit.offset == pytest.approx(32.0)
    assert 100.0 * fahrenheit.factor + fahrenheit.offset == pytest.approx(212.0)
    assert conversion("2t", "K m**-1", "degF m**-1", more=more) is None  # no product has a zero of its own
    assert conversion("2t", "K", "degF") is None
    assert in_si("furlong", more=more) is None
