import sys

import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.geopotential_height import GeopotentialHeight
from anemoi_plugin_postprocessing.relative_humidity import RelativeHumidity
from anemoi_plugin_postprocessing.wind import Wind

from .making import on_pressure

MS, AT_10M = "m s**-1", {"units": "m s**-1", "level": 10, "level_type": "height"}


def test_speed_and_direction_follow_from_the_components(describe, made):
    winds = (
        Variable("10u", **AT_10M),
        on_pressure("u", MS, 850),
        Variable("10v", **AT_10M),
        on_pressure("v", MS, 850),
    )
    step = Wind(forecast=describe(*winds))
    assert step.after.variables[4:] == ("10si", "10wdir", "ws_850", "wdir_850")
    assert step.after.about("10wdir") == Variable("10wdir", units="degrees", level=10, level_type="height")
    assert step.after.about("ws_850") == on_pressure("ws", MS, 850)
    (fields,) = made(step, [[[3.0, 0.0, 4.0, -5.0], [-7.0, 2.0, 0.0, 0.0]]])
    np.testing.assert_allclose(fields[0, :, :4], [[3.0, 0.0, 4.0, -5.0], [-7.0, 2.0, 0.0, 0.0]])
    # From the south-west, from the north; from the east, from the west.
    expected = [[5.0, 180.0 + np.rad2deg(np.arctan2(3, 4)), 5.0, 0.0], [7.0, 90.0, 2.0, 270.0]]
    found = fields[0, :, 4:]
    found[:, 1::2] %= 360.0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_either_may_be_left_out(describe):
    forecast = describe(Variable("10u", **AT_10M), Variable("10v", **AT_10M))
    assert Wind(forecast=forecast, direction=False).after.variables == ("10u", "10v", "10si")
    assert Wind(forecast=forecast, speed=False).after.variables == ("10u", "10v", "10wdir")
    with pytest.raises(ConfigError, match="Neither"):
        Wind(forecast=forecast, speed=False, direction=False)


def test_components_that_are_no_pair_are_refused(describe):
    with pytest.raises(DataError, match="No wind has both components"):
        Wind(forecast=describe(on_pressure("u", MS, 850), on_pressure("v", MS, 500)))
    with pytest.raises(DataError, match="No wind has both components"):
        Wind(forecast=describe(on_pressure("u", MS, 850), on_pressure("v", "knots", 850)))


def test_what_is_there_is_not_replaced(describe):
    pair = Variable("10u", **AT_10M), Variable("10v", **AT_10M)
    with pytest.raises(ConfigError, match="has 10si already"):
        Wind(forecast=describe(*pair, Variable("10si")))


def test_height_is_geopotential_by_gravity(describe, made):
    step = GeopotentialHeight(
        forecast=describe(on_pressure("z", "m**2 s**-2", 500), Variable("z", units="m2 s-2"))
    )
    assert step.after.variables == ("z_500", "z", "gh_500")  # orography is no height of a level
    assert step.after.about("gh_500") == on_pressure("gh", "m", 500)
    (fields,) = made(step, [[[9.80665 * 5500.0, 1.0]]])
    assert fields[0, 0, 2] == pytest.approx(5500.0)
    with pytest.raises(DataError, match="No geopotential"):
        GeopotentialHeight(forecast=describe(on_pressure("z", "m", 500)))


def tetens(celsius):
    """Saturation over water, Pa, by another formula: Bolton (1980)."""
    return 611.2 * np.exp(17.67 * celsius / (celsius + 243.5))


def test_relative_humidity_is_that_of_an_independent_formula(describe, made):
    variables = (on_pressure("t", "K", 850), on_pressure("q", "kg kg**-1", 850), Variable("2t", units="K"),
                 Variable("2d", units="K"), on_pressure("q", "kg kg**-1", 500))  # fmt: skip
    step = RelativeHumidity(forecast=describe(*variables))
    assert step.after.variables[5:] == ("r_850", "2r")
    assert step.after.about("r_850") == on_pressure("r", "%", 850)
    (fields,) = made(step, [[[288.15, 0.008, 293.15, 283.15, 0.0]]])
    vapour = 0.008 * 85000.0 / (0.622 + 0.378 * 0.008)
    expected = [100 * vapour / tetens(15.0), 100 * tetens(10.0) / tetens(20.0)]
    np.testing.assert_allclose(fields[0, 0, 5:], expected, rtol=3e-3)
    with pytest.raises(DataError, match="Relative humidity needs"):
        RelativeHumidity(forecast=describe(on_pressure("t", "degC", 850), on_pressure("q", "kg kg**-1", 850)))


def test_earthkit_is_imported_when_a_state_comes(describe, made, monkeypatch):
    step = Wind(forecast=describe(Variable("10u", **AT_10M), Variable("10v", **AT_10M)))
    monkeypatch.setitem(sys.modules, "earthkit.meteo.wind", None)
    with pytest.raises(ImportError):
        made(step, [[[3.0, 4.0]]])
