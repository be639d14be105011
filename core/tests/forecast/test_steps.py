"""Any number of input and output steps, and any time between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.errors import DataError
from anemoi.core.forecasting import lead_times
from anemoi.core.forecasting.needs import Need, needs
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

START = np.datetime64("2020-01-02T12", "s")
HOUR = np.timedelta64(3600, "s")
FORCINGS = (Variable("sst", Role.FORCING), Variable("cos_julian_day", Role.FORCING, computed=True))


@pytest.mark.parametrize(
    ("options", "hours", "step"),
    [
        ({"input_steps": 1}, 6, 6),
        ({"input_steps": 3}, 6, 6),
        ({"output_steps": 2}, 6, 12),
        ({"input_steps": 3, "output_steps": 3}, 6, 18),
        ({"input_steps": 1, "output_steps": 4}, 6, 24),
        ({"lead_time": "12h"}, 12, 12),
        ({"lead_time": "12h", "output_steps": 2}, 12, 24),
    ],
)
def test_a_forecast_is_that_of_a_loop_by_hand(tiny, options, hours, step):
    """Of a domain whose states are as far apart as the lead time has them; the source has six-hourly ones."""
    domain = tiny.domain("t", *FORCINGS, "ps", hours=hours)
    checkpoint = tiny.checkpoint(domain, objective={"name": "rollout", **options})
    assert checkpoint.steps["data"].step == step * HOUR
    source = tiny.source(names=["ps", "sst", "t"])
    states = list(forecast(checkpoint, source, START, "48h"))
    assert [int(state.lead_time / HOUR) for state in states] == list(range(hours, 49, hours))
    expected = tiny.by_hand(checkpoint, {"data": source}, START, -(-48 // step))
    for state in states:
        by_hand = expected["data", int(state.lead_time / HOUR)]
        np.testing.assert_allclose(state.fields[0], by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lead_time", [6, 18, 30])
def test_a_lead_time_between_the_ends_of_steps_leaves_out_what_lies_beyond(tiny, lead_time):
    checkpoint = tiny.checkpoint(tiny.domain("t", "ps"), objective={"name": "rollout", "output_steps": 2})
    made = forecast(checkpoint, tiny.source(), START, f"{lead_time}h")
    leads = list(range(6, lead_time + 1, 6))
    assert [int(lead / HOUR) for lead in made.description.lead_times] == leads
    states = list(made)
    assert [int(state.lead_time / HOUR) for state in states] == leads
    longer = list(forecast(checkpoint, tiny.source(), START, "36h"))
    for state, same in zip(states, longer, strict=False):
        np.testing.assert_array_equal(state.fields, same.fields)


@pytest.mark.parametrize("lead_time", ["0h", "3h", "9h"])
def test_a_lead_time_without_a_state(tiny, lead_time):
    checkpoint = tiny.checkpoint(tiny.domain("t", "ps"), objective={"name": "rollout", "output_steps": 2})
    with pytest.raises(
        DataError, match=f"{lead_time} is not a multiple of the checkpoint's step of 6h"
    ) as caught:
        forecast(checkpoint, tiny.source(), START, lead_time)
    assert "such as 6h" in caught.value.fix


@pytest.mark.parametrize(("input_steps", "first"), [(1, None), (2, "2019-12-31T18"), (4, "2019-12-31T06")])
def test_all_states_that_come_in_must_be_there(tiny, input_steps, first):
    checkpoint = tiny.checkpoint(tiny.domain("t"), objective={"name": "rollout", "input_steps": input_steps})
    if first is None:
        assert list(forecast(checkpoint, tiny.source(), "2020-01-01", "6h"))
        return
    with pytest.raises(DataError, match=f"no state at {first}"):
        forecast(checkpoint, tiny.source(), "2020-01-01", "6h")


def at(*hours):
    return tuple(hour * HOUR for hour in hours)


@pytest.mark.parametrize(
    ("inputs", "outputs", "step", "count", "prognostic", "forcing", "persisted"),
    [
        ((-6, 0), (6,), 6, 3, (-6, 0), (-6, 0, 6, 12), (-6, 0)),
        ((-6, 0), (6, 12), 12, 2, (-6, 0), (-6, 0, 6, 12), (-6, 0)),
        ((-12, -6, 0), (6,), 6, 2, (-12, -6, 0), (-12, -6, 0, 6), (-12, -6, 0)),
        ((0, 6), (1, 2, 5), 6, 3, (0, 6, 12, 18), (0, 6, 12, 18), (0,)),  # between two known states
        ((0, 12), (6, 12), 6, 3, (0, 12, 18, 24), (0, 6, 12, 18, 24), (0,)),  # what was known is forecast too
        ((0,), (), 6, 2, (0, 6), (0, 6), (0,)),
    ],
)
def test_needs_are_what_no_step_before_has_made(
    tiny, inputs, outputs, step, count, prognostic, forcing, persisted
):
    domain = tiny.domain(
        "t",
        Variable("sst", Role.FORCING),
        Variable("ice", Role.FORCING),
        Variable("lsm", Role.FORCING, constant=True),
        Variable("tp", Role.DIAGNOSTIC),
        Variable("insolation", Role.FORCING, computed=True),
    )
    steps = Steps(inputs=at(*inputs), outputs=at(*outputs), step=step * HOUR, interval=6 * HOUR)
    assert needs(domain, steps, count, persist=["ice"]) == (
        Need(("t",), at(*prognostic)),
        Need(("sst",), at(*forcing)),
        Need(("ice",), at(*persisted)),
        Need(("lsm",), at(0)),
    )


def test_an_interpolator_goes_to_the_end_of_a_step_or_to_a_state(tiny):
    """It has states between those that it is given, and none where a step ends."""
    domain = tiny.domain("t")
    steps = Steps(inputs=at(0, 6), outputs=at(2, 4), step=6 * HOUR, interval=2 * HOUR)
    checkpoint = dataclasses.replace(tiny.checkpoint(domain), steps={"data": steps})
    told = {end: lead_times(checkpoint, f"{end}h")["data"] for end in (2, 4, 6, 8, 12)}
    assert {end: [int(lead / HOUR) for lead in leads] for end, leads in told.items()} == {
        2: [2], 4: [2, 4], 6: [2, 4], 8: [2, 4, 8], 12: [2, 4, 8, 10],
    }  # fmt: skip
    for end in ("0h", "1h", "5h", "7h"):
        with pytest.raises(DataError, match=f"{end} is not a multiple"):
            lead_times(checkpoint, end)
