import numpy as np
import pytest
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

START = np.datetime64("2020-02-28T18", "s")
FORECAST = ForecastDescription(
    start=START,
    lead_times=np.arange(1, 40) * np.timedelta64(6 * 3600, "s"),
    members=1,
    variables=("2t",),
    grid=Grid(np.array([60.0, 0.0, -60.0]), np.array([0.0, 120.0, 240.0])),
    units={"2t": "K"},
    provenance={},
)


def smoothed(values, **options):
    step = {{ cookiecutter.__class }}(forecast=FORECAST, **options)
    assert step.after == FORECAST
    states = (
        State(start=START, lead_time=lead_time, fields=np.full((1, 3, 1), value, dtype=np.float32))
        for lead_time, value in zip(FORECAST.lead_times, values, strict=False)
    )
    return [float(step.apply(state)[0, 0, 0]) for state in states]


def test_each_state_is_half_of_what_was_before():
    assert smoothed([280.0, 290.0, 290.0]) == [280.0, 285.0, 287.5]


def test_a_weight_of_one_leaves_everything_as_it_is():
    assert smoothed([280.0, 290.0, 270.0], weight=1.0) == [280.0, 290.0, 270.0]


def test_what_does_not_change_is_not_changed():
    assert set(smoothed([280.0] * 39, weight=0.1)) == {280.0}


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="weight 0 is not"):
        {{ cookiecutter.__class }}(forecast=FORECAST, weight=0.0)
