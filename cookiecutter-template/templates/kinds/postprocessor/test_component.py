import numpy as np
import pytest
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from anemoi.core.variable import Variable

from {{ cookiecutter.__package }}.{{ cookiecutter.kind }} import {{ cookiecutter.__class }}

START = np.datetime64("2020-02-28T18", "s")


def forecast(*variables):
    described = ForecastDescription(
        start=START,
        lead_times=np.array([6 * 3600], dtype="timedelta64[s]"),
        members=1,
        variables=(),
        grid=Grid(np.array([60.0, 0.0, -60.0]), np.array([0.0, 120.0, 240.0])),
        units={},
        provenance={},
    )
    return described.with_variables(variables)


def temperature(level):
    return Variable(f"t_{level}", units="K", level=level, level_type="pressure")


def test_at_the_reference_it_is_the_temperature_and_above_it_is_warmer():
    step = {{ cookiecutter.__class }}(forecast=forecast(temperature(1000), temperature(500)))
    assert step.after.variables == ("t_1000", "t_500", "pt_1000", "pt_500")
    assert step.after.units["pt_500"] == "K"
    fields = np.full((1, 3, 2), 250.0, dtype=np.float32)
    made = step.apply(State(start=START, lead_time=np.timedelta64(6, "h"), fields=fields))
    np.testing.assert_array_equal(made[..., :3], 250.0)
    np.testing.assert_allclose(made[..., 3], 304.75, rtol=1e-4)  # from a table of potential temperatures


def test_without_temperatures_it_is_refused():
    with pytest.raises(DataError, match="no temperature on pressure levels among msl"):
        {{ cookiecutter.__class }}(forecast=forecast(Variable("msl", units="Pa")))
