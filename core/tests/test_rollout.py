"""The deterministic objective: when its states lie, and what it is trained on."""

import numpy as np
import pytest
import torch

from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.model import Sample
from anemoi.core.objectives import Rollout
from anemoi.core.variable import Role, Variable

HOUR = np.timedelta64(3600, "s")


def hours(offsets):
    return [int(offset / HOUR) for offset in offsets]


@pytest.mark.parametrize(
    ("options", "frequencies", "step", "expected"),
    [
        ({}, {"data": 6}, 6, {"data": ([-6, 0], [6], 6)}),
        ({"input_steps": 1}, {"data": 6}, 6, {"data": ([0], [6], 6)}),
        ({"input_steps": 3, "output_steps": 2}, {"data": 6}, 12, {"data": ([-12, -6, 0], [6, 12], 6)}),
        ({"lead_time": "12h"}, {"data": 6}, 12, {"data": ([-12, 0], [12], 12)}),
        ({"lead_time": "1d", "output_steps": 2}, {"data": 12}, 48, {"data": ([-24, 0], [24, 48], 24)}),
        ({}, {"air": 6, "sea": 12}, 12, {"air": ([-6, 0], [6, 12], 6), "sea": ([-12, 0], [12], 12)}),
        (
            {"output_steps": 2, "input_steps": 1},
            {"sea": 24, "air": 6},
            48,
            {"sea": ([0], [24, 48], 24), "air": ([0], list(range(6, 49, 6)), 6)},
        ),
        (
            {"lead_time": "12h"},
            {"air": 6, "sea": 12},
            12,
            {"air": ([-12, 0], [12], 12), "sea": ([-12, 0], [12], 12)},
        ),
    ],
)
def test_when_states_lie(options, frequencies, step, expected):
    found = Rollout(**options).steps({name: count * HOUR for name, count in frequencies.items()})
    told = {
        name: (hours(each.inputs), hours(each.outputs), hours([each.interval])[0])
        for name, each in found.items()
    }
    assert told == expected
    assert {hours([each.step])[0] for each in found.values()} == {step}


@pytest.mark.parametrize(
    ("options", "frequencies", "said"),
    [
        ({"lead_time": "3h"}, {"data": 6}, "lead_time is 3h, but the states of data are 6h apart"),
        ({"lead_time": "9h"}, {"data": 6}, "lead_time is 9h, but the states of data are 6h apart"),
        ({"lead_time": "6h"}, {"air": 6, "sea": 12}, "lead_time is 6h, but the states of sea are 12h apart"),
        ({}, {"air": 6, "sea": 8}, "8h is no multiple of the 6h between the states of air"),
    ],
)
def test_times_that_do_not_go_together(options, frequencies, said):
    with pytest.raises(ConfigError, match=said) as caught:
        Rollout(**options).steps({name: count * HOUR for name, count in frequencies.items()})
    assert caught.value.fix


def domain(*variables):
    nothing = Statistics(*np.ones((4, len(variables))))
    grid = Grid(np.array([10.0, -10.0]), np.zeros(2))
    return Domain(variables=variables, grid=grid, frequency=6 * HOUR, statistics=nothing, changes=nothing)


@pytest.mark.parametrize("options", [{}, {"output_steps": 2}, {"input_steps": 3}])
def test_each_step_of_the_loss_goes_on_from_what_the_steps_before_gave(options):
    """The model answers with the weighted last inputs; its gradient goes through all steps."""
    of = domain(Variable("t"), Variable("f", Role.FORCING), Variable("rain", Role.DIAGNOSTIC))
    objective = Rollout(**options)
    steps = objective.steps({"data": 6 * HOUR})
    window = steps["data"].window(3)
    fields = torch.randn(2, len(window), 1, 2, 3)
    missing = torch.zeros_like(fields, dtype=torch.bool)
    missing[0, -1, 0, 0, 2] = True
    sample = Sample({"data": fields}, {"data": missing}, {"data": of}, steps, count=3)
    weight = torch.tensor(0.5, requires_grad=True)

    def answer(values):  # t, f at the last input time to t, rain at each output time
        last = values["data"][:, -1:]
        return torch.stack([weight * last[..., 0] + last[..., 1], last[..., 0]], dim=-1).expand(
            -1, objective.output_steps, -1, -1, -1
        )

    told = []

    def criterion(predictions, targets, *, step=0):
        told.append((step, targets["data"]))
        return ((predictions["data"] - targets["data"].nan_to_num()) ** 2).sum()

    losses = objective.loss(lambda values: {"data": answer(values)}, sample, criterion, torch.Generator())
    assert losses.shape == (3,)
    assert [step for step, _ in told] == [0, 1, 2]
    assert told[-1][1][0, -1, 0, 0, 1].isnan()
    assert sum(int(targets.isnan().sum()) for _, targets in told) == 1

    at = {time: fields[:, place] for place, time in enumerate(window)}
    t = at[0 * HOUR][..., 0]
    for step in range(3):
        begin = step * steps["data"].step
        given = torch.stack([weight * t + at[begin][..., 1], t], dim=-1)
        expected = torch.tensor(0.0)
        for offset in steps["data"].outputs:
            truth = at[begin + offset][..., [0, 2]].clone()
            truth[..., 1][missing[:, window.index(begin + offset), ..., 2]] = 0
            expected = expected + ((given - truth) ** 2).sum()
        torch.testing.assert_close(losses[step], expected)
        t = given[..., 0]
    (gradient,) = torch.autograd.grad(losses[2], weight)
    assert gradient.abs() > 0
