import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.clip import Clip
from anemoi_plugin_postprocessing.ensemble import Ensemble
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


def test_a_spread_is_no_temperature(describe):
    spread = Ensemble(forecast=describe(T, MSL, members=2), mean=False, spread=True).after
    assert Units(forecast=spread, to={"msl_spread": "hPa"}).after.units["msl_spread"] == "hPa"
    with pytest.raises(DataError, match="t_spread_850 is a difference"):
        Units(forecast=spread, to={"t_spread": "degC"})


def test_what_does_not_convert_is_told_all_at_once(describe):
    with pytest.raises(DataError, match=r"t_850 is in K, .* to Pa; the units of x are not known"):
        Units(forecast=describe(T, Variable("x")), to={"t": "Pa", "x": "m"})
    with pytest.raises(ConfigError, match=r"no q \(to\)"):
        Units(forecast=describe(T), to={"q": "g kg**-1"})
    with pytest.raises(ConfigError, match="no units"):
        Units(forecast=describe(T))


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
