"""What an objective is given of a sample, against the same by hand."""

import numpy as np
import pytest
import torch

from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.model import Sample
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

HOUR = np.timedelta64(3600, "s")
BATCH, MEMBERS = 2, 1


def domain(*variables, points, hours):
    count = len(variables)
    nothing = Statistics(*np.ones((4, count)))
    return Domain(
        variables=variables,
        grid=Grid(np.linspace(-60.0, 60.0, points), np.zeros(points)),
        frequency=hours * HOUR,
        statistics=nothing,
        changes=nothing,
    )


AIR = domain(
    Variable("t"),
    Variable("sst", Role.FORCING),
    Variable("rain", Role.DIAGNOSTIC),
    Variable("q"),
    points=3,
    hours=6,
)
SEA = domain(Variable("h"), points=2, hours=12)
EDGE = domain(Variable("f", Role.FORCING), points=1, hours=6)
STEPS = {
    "air": Steps(
        inputs=(-6 * HOUR, 0 * HOUR), outputs=(6 * HOUR, 12 * HOUR), step=12 * HOUR, interval=6 * HOUR
    ),
    "sea": Steps(inputs=(-12 * HOUR, 0 * HOUR), outputs=(12 * HOUR,), step=12 * HOUR, interval=12 * HOUR),
    "edge": Steps(inputs=(0 * HOUR,), outputs=(), step=12 * HOUR, interval=6 * HOUR),
}
DOMAINS = {"air": AIR, "sea": SEA, "edge": EDGE}
WINDOWS = {"air": (-6, 0, 6, 12, 18, 24), "sea": (-12, 0, 12, 24), "edge": (0, 12)}
"""In hours, of two steps."""


def field(name):
    """Numbers that say where they are: domain, hour, item, point, variable."""
    of, hours = DOMAINS[name], torch.tensor(WINDOWS[name], dtype=torch.float32)
    shape = (BATCH, len(hours), MEMBERS, len(of.grid), len(of.variables))
    item, point, variable = (
        torch.arange(size, dtype=torch.float32) for size in (shape[0], shape[3], shape[4])
    )
    return (
        1000 * list(DOMAINS).index(name)
        + hours[:, None, None, None]
        + 0.1 * item[:, None, None, None, None]
        + 0.01 * point[:, None]
        + 0.001 * variable
    ).expand(shape)


@pytest.fixture
def sample():
    missing = torch.zeros(BATCH, 6, MEMBERS, 3, 4, dtype=torch.bool)
    missing[1, 3, 0, 2, 2] = True  # rain at 12 h
    missing[0, 0, 0, 0, 0] = True  # t at -6 h, which is no target
    return Sample({name: field(name) for name in DOMAINS}, {"air": missing}, DOMAINS, STEPS, count=2)


@pytest.mark.parametrize("step", [0, 1])
def test_inputs_are_those_variables_at_those_times(sample, step):
    inputs = sample.inputs(step)
    places = (
        {"air": [0, 1], "sea": [0, 1], "edge": [0]}
        if step == 0
        else {"air": [2, 3], "sea": [1, 2], "edge": [1]}
    )
    assert torch.equal(inputs["air"], field("air")[:, places["air"]][..., [0, 1, 3]])
    assert torch.equal(inputs["sea"], field("sea")[:, places["sea"]])
    assert torch.equal(inputs["edge"], field("edge")[:, places["edge"]])


@pytest.mark.parametrize("step", [0, 1])
def test_targets_are_nan_where_there_is_no_truth(sample, step):
    targets = sample.targets(step)
    assert list(targets) == ["air", "sea"]
    expected = field("air")[:, [2, 3] if step == 0 else [4, 5]][..., [0, 2, 3]].clone()
    if step == 0:
        expected[1, 1, 0, 2, 1] = torch.nan
    torch.testing.assert_close(targets["air"], expected, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(targets["sea"], field("sea")[:, [2] if step == 0 else [3]])


def test_outputs_lie_at_the_times_of_their_step(sample):
    hours = {name: [int(time / HOUR) for time in times] for name, times in sample.times(1).items()}
    assert hours == {"air": [18, 24], "sea": [24], "edge": []}


def test_forecasts_take_the_place_of_prognostic_variables_alone(sample):
    """At their own times, and in the order of the outputs; a forcing stays, a diagnostic is no input."""
    made = {
        "air": {6 * HOUR: torch.randn(BATCH, MEMBERS, 3, 3), 12 * HOUR: torch.randn(BATCH, MEMBERS, 3, 3)},
        "sea": {12 * HOUR: torch.randn(BATCH, MEMBERS, 2, 1)},
    }
    inputs = sample.inputs(1, made)
    expected = field("air")[:, [2, 3]][..., [0, 1, 3]].clone()
    for place, hours in enumerate((6, 12)):
        for column, output in ((0, 0), (2, 2)):  # t and q, of t, rain, q
            expected[:, place, ..., column] = made["air"][hours * HOUR][..., output]
    assert torch.equal(inputs["air"], expected)
    sea = field("sea")[:, [1, 2]].clone()
    sea[:, 1] = made["sea"][12 * HOUR]
    assert torch.equal(inputs["sea"], sea)
    assert torch.equal(inputs["edge"], field("edge")[:, [1]])
    assert torch.equal(sample.inputs(0, made)["air"], sample.inputs(0)["air"])


def test_a_truth_of_one_member_goes_with_forecasts_of_several(sample):
    made = {"air": {12 * HOUR: torch.randn(BATCH, 4, 3, 3)}, "sea": {12 * HOUR: torch.randn(BATCH, 4, 2, 1)}}
    inputs = sample.inputs(1, made)
    assert inputs["air"].shape == (BATCH, 2, 4, 3, 3)
    for member in range(4):
        assert torch.equal(inputs["air"][:, 0, member], field("air")[:, 2, 0][..., [0, 1, 3]])
        assert torch.equal(inputs["air"][:, 1, member, :, 1], field("air")[:, 3, 0, :, 1])
    assert torch.equal(inputs["air"][:, 1, ..., [0, 2]], made["air"][12 * HOUR][..., [0, 2]])
    assert torch.equal(inputs["sea"][:, 1], made["sea"][12 * HOUR])


def test_gradients_go_back_through_what_was_forecast(sample):
    made = {"air": {12 * HOUR: torch.randn(BATCH, MEMBERS, 3, 3, requires_grad=True)}}
    sample.inputs(1, made)["air"].sum().backward()
    gradient = made["air"][12 * HOUR].grad
    assert torch.equal(gradient, torch.tensor([1.0, 0.0, 1.0]).expand_as(gradient))


@pytest.mark.parametrize("step", [0, 1])
def test_outputs_are_the_targets_filled_in(sample, step):
    outputs, targets = sample.outputs(step), sample.targets(step)
    assert list(outputs) == list(targets)
    for name, values in outputs.items():
        assert values.isfinite().all()
        known = ~targets[name].isnan()
        assert torch.equal(values[known], targets[name][known])
    assert torch.equal(outputs["air"], field("air")[:, [2, 3] if step == 0 else [4, 5]][..., [0, 2, 3]])
