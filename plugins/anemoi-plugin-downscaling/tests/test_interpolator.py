from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.variable import Role, Variable

from anemoi_plugin_downscaling.interpolator import Interpolator

HOUR = np.timedelta64(3600, "s")
POINTS = 5
INPUTS, OUTPUTS = ("b", "z", "a"), ("tp", "b", "a")
"""Of the domain: prognostic variables have other places among the inputs than among the outputs."""


def domain(**changed):
    variables = (
        Variable("tp", role=Role.DIAGNOSTIC, accumulated=6 * HOUR),
        Variable("b", **changed),
        Variable("z", role=Role.FORCING),
        Variable("a"),
    )
    one = np.ones(len(variables))
    return Domain(
        variables=variables,
        grid=Grid(np.linspace(-80.0, 80.0, POINTS), np.zeros(POINTS)),
        frequency=6 * HOUR,
        statistics=Statistics(0 * one, one, -one, one),
        changes=Statistics(0 * one, one, -one, one),
    )


def interpolated(network, known, **options):
    """What comes of two known states, ``(1, 2, 1, POINTS, inputs)``, and what a network makes of them."""
    objective = Interpolator(**options)
    model = SimpleNamespace(
        network=lambda inputs: {"data": network(inputs["data"])},
        enforce=lambda outputs: outputs,
        normalised={"data": domain()},
        steps=objective.steps({"data": 6 * HOUR}),
    )
    return objective.advance(model, {"data": known}, torch.Generator())["data"]


@pytest.fixture
def known():
    return torch.randn(1, 2, 1, POINTS, len(INPUTS), generator=torch.Generator().manual_seed(0))


def no_change(known):
    """The later known state at four times, as a network begins with, and no precipitation."""
    last = known[:, 1:].expand(-1, 4, -1, -1, -1)
    return torch.stack([torch.zeros_like(last[..., 0]), last[..., 0], last[..., 2]], dim=-1)


def test_a_network_that_forecasts_no_change_gives_the_straight_line(known):
    made = interpolated(no_change, known)
    assert made.shape == (1, 4, 1, POINTS, 3)
    for place, name in ((1, "b"), (2, "a")):
        first, last = known[0, :, 0, :, INPUTS.index(name)]
        for number in range(4):
            share = (number + 1) / 4
            expected = (1 - share) * first + share * last
            torch.testing.assert_close(made[0, number, 0, :, place], expected)


def test_the_later_known_state_comes_out_as_it_is_whatever_the_network_says(known):
    made = interpolated(lambda known: torch.full((1, 4, 1, POINTS, 3), 7.0), known)
    assert torch.equal(made[0, -1, 0][:, [1, 2]], known[0, 1, 0][:, [0, 2]])


def test_what_the_network_adds_counts_most_in_the_middle(known):
    added = interpolated(lambda known: no_change(known) + 1.0, known) - interpolated(no_change, known)
    torch.testing.assert_close(added[0, :, 0, 0, 1], torch.tensor([0.75, 1.0, 0.75, 0.0]))


def test_what_is_accumulated_is_the_networks_own_at_all_times(known):
    own = torch.arange(4.0).view(1, 4, 1, 1, 1).expand(1, 4, 1, POINTS, 3)
    made = interpolated(lambda known: own, known)
    assert torch.equal(made[..., OUTPUTS.index("tp")], own[..., 0])


@pytest.mark.parametrize(
    ("options", "frequency", "outputs"),
    [
        ({"step": "6h"}, 1, range(1, 7)),
        ({"step": "6h", "frequency": "3h"}, 1, (3, 6)),
        ({}, 6, (6, 12, 18, 24)),
    ],
)
def test_it_is_given_both_ends_of_a_step_and_gives_the_states_up_to_the_later(options, frequency, outputs):
    steps = Interpolator(**options).steps({"data": frequency * HOUR})["data"]
    assert [int(each / HOUR) for each in steps.inputs] == [0, outputs[-1]]
    assert [int(each / HOUR) for each in steps.outputs] == list(outputs)
    assert int(steps.step / HOUR) == outputs[-1]


def test_forcings_of_the_times_between_are_a_domain_that_is_read_there():
    steps = Interpolator(forcings="between").steps({"data": 6 * HOUR, "between": 6 * HOUR})["between"]
    assert ([int(each / HOUR) for each in steps.inputs], steps.outputs) == ([6, 12, 18, 24], ())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"step": "6h"}, "no state lies between"),
        ({"step": "3h"}, "no state lies between"),
        ({"step": "15h"}, "none lies at its end"),
        ({"frequency": "9h"}, "objective.frequency is 9h, but the states of data are 6h apart"),
        ({"forcings": "between"}, "there is no domain between, but data"),
    ],
)
def test_what_leaves_no_state_between_is_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        Interpolator(**options).steps({"data": 6 * HOUR})


@pytest.mark.parametrize("over", ["accumulated", "averaged", "maximum_over"])
def test_a_straight_line_between_sums_is_refused(over):
    with pytest.raises(ConfigError, match="b of data belongs to a time") as caught:
        Interpolator().network_domains({"data": domain(**{over: 6 * HOUR})})
    assert "+variables.diagnostic=[b]" in caught.value.fix


def test_computed_forcings_of_the_times_between_come_in_at_each_of_them():
    computed = {"role": Role.FORCING, "computed": True}
    variables = (Variable("insolation", **computed), Variable("cos_latitude", constant=True, **computed))
    between = domain().derived(zip(("a", "b"), variables, strict=True))
    assert between.fixed == ("insolation", "cos_latitude")
    given = Interpolator(forcings="between").network_domains({"data": domain(), "between": between})
    assert given["between"].fixed == ("cos_latitude",)
    assert given["between"].inputs == between.inputs


def test_forcings_of_the_times_between_cannot_be_forecast():
    with pytest.raises(ConfigError, match="tp, b, a would be forecast"):
        Interpolator(forcings="data").network_domains({"data": domain()})
