import math

import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.units import UNITS, Unit
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.clip import Clip
from anemoi_plugin_postprocessing.ensemble import Ensemble
from anemoi_plugin_postprocessing.pint_units import pint_unit
from anemoi_plugin_postprocessing.units import Units

from .making import on_pressure

T, U, MSL, TP = (
    on_pressure("t", "K", 850),
    on_pressure("u", "m s**-1", 850),
    Variable("msl", units="Pa"),
    Variable("tp", units="m"),
)


def test_values_and_units_are_converted(describe, made):
    step = Units(
        forecast=describe(T, U, MSL, TP), to={"t": "degC", "u_850": "knots", "msl": "hPa", "tp": "kg m**-2"}
    )
    assert step.after.units == {"t_850": "degC", "u_850": "knots", "msl": "hPa", "tp": "kg m**-2"}
    assert step.after.about("t_850").level == 850
    (fields,) = made(step, [[[273.15, 10.0, 101325.0, 0.012]]])
    np.testing.assert_allclose(fields[0, 0], [0.0, 19.43844, 1013.25, 12.0], atol=1e-5)


def test_what_is_said_of_one_level_overrules_what_is_said_of_all(describe):
    forecast = describe(T, on_pressure("t", "K", 500))
    assert Units(forecast=forecast, to={"t_500": "K", "t": "degC"}).after.units == {
        "t_850": "degC",
        "t_500": "K",
    }


MERCURY = 13595.1 * 9.80665  # Pa of a metre of conventional mercury


@pytest.mark.parametrize(
    ("variable", "units", "values"),
    [
        (T, "degF", {273.15: 32.0, 373.15: 212.0, 233.15: -40.0}),
        (Variable("2t", units="degC"), "°F", {-40.0: -40.0, 100.0: 212.0}),
        (Variable("2t", units="degF"), "K", {32.0: 273.15, -459.67: 0.0}),
        (T, "degR", {273.15: 491.67}),
        (MSL, "inHg", {101325.0: 101325.0 / (0.0254 * MERCURY)}),
        (Variable("msl", units="hPa"), "atm", {1013.25: 1.0}),
        (U, "mile/h", {0.44704: 1.0}),
        (U, "ft min-1", {0.3048: 60.0}),
        (TP, "in", {0.0254: 1.0}),
        (Variable("tp", units="kg m**-2"), "inch", {25.4: 1.0}),
        (on_pressure("z", "m**2 s**-2", 500), "ft", {9.80665 * 0.3048: 1.0}),
        (on_pressure("q", "kg kg**-1", 850), "g/kg", {0.012: 12.0}),
        (Variable("co2", units="(0 - 1)"), "ppm", {4.2e-4: 420.0}),
        (Variable("10wdir", units="Degree true"), "radian", {180.0: math.pi}),
        (Variable("ssrd", units="J m**-2"), "langley", {41840.0: 1.0}),
        (Variable("tco3", units="kg m**-2"), "DU", {2.1415e-5 * 300: 300.0}),
    ],
)
def test_values_are_those_of_the_definitions(describe, made, variable, units, values):
    step = Units(forecast=describe(variable), to={variable.name: units})
    (fields,) = made(step, np.array([*values])[None, :, None])
    np.testing.assert_allclose(fields[0, :, 0], [*values.values()], rtol=1e-4, atol=1e-3)
    assert step.after.units == {variable.name: units}


PECULIAR = {  # pint does not know them, or takes them for another: a millibarn
    "gpm": Unit(1.0, {"m": 1}),
    "gpdam": Unit(10.0, {"m": 1}),
    "mb": Unit(100.0, {"kg": 1, "m": -1, "s": -2}),
    "DU": Unit(1e-5 * 2.686780111e25 / 6.02214076e23, {"mol": 1, "m": -2}),  # Loschmidt's and Avogadro's
}


@pytest.mark.parametrize("name", UNITS)
def test_pint_agrees_with_the_table_of_core(name):
    theirs = PECULIAR.get(name) or pint_unit(name)
    assert theirs is not None
    assert UNITS[name].size == pytest.approx(theirs.size, rel=1e-9)
    assert (UNITS[name].kind, UNITS[name].offset) == (theirs.kind, theirs.offset)


@pytest.mark.parametrize("name", ["dB", "octave", "smoots_per_fortnight", "nan", "if", "parse_units", "_"])
def test_what_is_no_linear_unit_is_none(name):
    assert pint_unit(name) is None


def test_a_spread_is_no_temperature(describe, made):
    spread = Ensemble(forecast=describe(T, MSL, members=2), mean=False, spread=True).after
    assert Units(forecast=spread, to={"msl_spread": "inHg"}).after.units["msl_spread"] == "inHg"
    for units in ("degC", "degF"):
        with pytest.raises(DataError, match=f"t_spread_850 is a difference, and K and {units} have other"):
            Units(forecast=spread, to={"t_spread": units})
    (fields,) = made(Units(forecast=spread, to={"t_spread": "delta_degF"}), [[[5.0, 0.0]]])
    assert fields[0, 0, 0] == pytest.approx(9.0)


def test_what_does_not_convert_is_told_all_at_once(describe):
    with pytest.raises(DataError, match=r"t_850 is in K, .* to Pa; the units of x are not known"):
        Units(forecast=describe(T, Variable("x")), to={"t": "Pa", "x": "m"})
    with pytest.raises(DataError, match=r"t_850 is in K, and smoot/fortnite is no unit that is known"):
        Units(forecast=describe(T), to={"t": "smoot/fortnite"})
    with pytest.raises(DataError, match=r"r is in code table \(4\.201\), which is no unit that is known"):
        Units(forecast=describe(Variable("r", units="code table (4.201)")), to={"r": "m"})
    with pytest.raises(DataError, match=r"tcwv is in kg m\*\*-2, which does not convert to DU"):
        Units(forecast=describe(Variable("tcwv", units="kg m**-2")), to={"tcwv": "DU"})
    with pytest.raises(ConfigError, match=r"no q \(to\)"):
        Units(forecast=describe(T), to={"q": "g kg**-1"})
    with pytest.raises(ConfigError, match="no units"):
        Units(forecast=describe(T))


def test_pint_is_imported_for_what_core_does_not_know(describe, monkeypatch):
    def absent():
        raise ModuleNotFoundError("pint")

    monkeypatch.setattr("anemoi_plugin_postprocessing.pint_units._registry", absent)
    pint_unit.cache_clear()
    Units(forecast=describe(T, TP), to={"t": "degC", "tp": "kg m-2"})
    with pytest.raises(ModuleNotFoundError):
        Units(forecast=describe(T), to={"t": "degF"})


def test_values_beyond_a_bound_become_the_bound(describe, made):
    step = Clip(forecast=describe(TP, T, MSL), lower={"tp": 0.0}, upper={"tp": 1.0, "t": 300.0})
    (fields,) = made(step, [[[-1.0, 400.0, -5.0], [2.0, 200.0, 1e6], [np.nan, np.nan, np.nan]]])
    np.testing.assert_array_equal(fields[0], [[0.0, 300.0, -5.0], [1.0, 200.0, 1e6], [np.nan] * 3])


def test_bounds_that_cannot_be_are_refused(describe):
    with pytest.raises(ConfigError, match="lower bound of tp, 2, is not below the upper one, 1"):
        Clip(forecast=describe(TP), lower={"tp": 2.0}, upper={"tp": 1.0})
    with pytest.raises(ConfigError, match="no bound"):
        Clip(forecast=describe(TP))
    with pytest.raises(ConfigError, match=r"no t \(upper\)"):
        Clip(forecast=describe(TP), upper={"t": 1.0})
