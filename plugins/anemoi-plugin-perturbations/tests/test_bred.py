"""Breeding in a linear model whose leading mode is known."""

import numpy as np
import pytest
import torch
from anemoi.core.errors import DataError

from anemoi_plugin_perturbations.bred import Bred
from anemoi_plugin_perturbations.changes import size_of

from .conftest import numbers_of

GROWTH = 1.5
CHANGES = [0.5, 2.0]


def modes():
    """Orthogonal modes of all values at once, ``(72, 72)``, the leading one first."""
    return torch.linalg.qr(torch.randn(72, 72, generator=numbers_of(99), dtype=torch.float64))[0]


def linear(fields):
    """One mode grows by half; all others shrink."""
    rates = torch.cat([torch.tensor([GROWTH]), torch.linspace(0.9, 0.5, 71)]).double()
    matrix = (modes() * rates) @ modes().T
    state = fields[..., :2].flatten(-2).double() @ matrix.T
    return state.unflatten(-1, (-1, 2)).float()


@pytest.fixture
def analysis(make, ring):
    return make(["a", "b"], ring, changes=CHANGES, function=linear)


def grown(analysis, change):
    """How many times larger a change of the state is after one step."""
    before = linear(torch.zeros_like(change))
    return ((linear(change) - before).norm() / change[..., :2].norm()).item()


def test_what_is_bred_is_the_leading_mode_and_grows_as_it_does(analysis):
    vector = Bred(cycles=12).vector(analysis, numbers_of(1))["data"]
    leading = modes()[:, 0].float()
    along = vector[..., :2].flatten()
    assert abs(torch.nn.functional.cosine_similarity(along, leading, dim=0).item()) > 0.99
    assert grown(analysis, vector) == pytest.approx(GROWTH, abs=0.01)
    noise = torch.randn(1, 1, 1, 36, 3, generator=numbers_of(5))
    assert grown(analysis, noise) < 0.9
    few = Bred(cycles=2).vector(analysis, numbers_of(1))["data"]
    assert grown(analysis, noise) < grown(analysis, few) < grown(analysis, vector)


@pytest.mark.parametrize("amplitude", [0.1, 0.7])
def test_it_has_the_amplitude_that_is_asked_for(analysis, amplitude):
    found = Bred(amplitude=amplitude, cycles=3).perturbed(analysis, 1, numbers_of(1))["data"]
    by_hand = (found[..., :2] / torch.tensor(CHANGES)).square().mean().sqrt().item()
    assert by_hand == pytest.approx(amplitude, rel=1e-5)
    assert size_of(analysis.model.normalised, {"data": found}) == pytest.approx(amplitude, rel=1e-5)
    assert not found[..., 2].any()


def test_members_come_in_pairs_about_the_analysis(analysis):
    bred = Bred(cycles=2)
    plus, minus, next_plus, next_minus = (
        bred.perturbed(analysis, member, numbers_of(member))["data"] for member in (1, 2, 3, 4)
    )
    assert torch.equal(plus, -minus)
    assert torch.equal(next_plus, -next_minus)
    assert not torch.equal(plus, next_plus)


def test_earlier_states_of_a_step_go_on_with_their_own_change(make, ring):
    """Of two states that come in, the older one is what the one before was changed to."""

    def halved(fields):
        return 0.5 * fields[:, 1:, ..., :2]

    analysis = make(["a", "b"], ring, function=halved, input_steps=2)
    earlier, now = Bred(cycles=1).vector(analysis, numbers_of(1))["data"][0, :, 0, :, :2]
    torch.testing.assert_close(now, 0.5 * earlier)
    assert earlier.any()


def test_both_forecasts_draw_the_same_numbers(make, ring):
    """Noise that is drawn anew in each would drown a change as small as this one."""
    analysis = make(["a", "b"], ring, function=linear)
    objective = analysis.model.objective

    def advance(model, inputs, generator):
        noise = torch.randn(1, 1, 1, 36, 2, generator=generator)
        return {"data": linear(inputs["data"]) + noise}

    quiet = Bred(cycles=1, amplitude=1e-3).vector(analysis, numbers_of(1))["data"]
    objective.advance = advance
    noisy = Bred(cycles=1, amplitude=1e-3).vector(analysis, numbers_of(1))["data"]
    torch.testing.assert_close(noisy, quiet, rtol=1e-2, atol=1e-5)


def test_it_begins_as_many_steps_back_as_there_are_cycles():
    step = np.timedelta64(6 * 3600, "s")
    assert Bred(cycles=3).starts(step, 9) == (-3 * step, -2 * step, -step)


def test_a_change_that_dies_out_is_told(make, ring):
    def constant(fields):
        return 0.0 * fields[..., :2] + 1.0

    with pytest.raises(DataError, match="grown to 0 times"):
        Bred().vector(make(["a", "b"], ring, function=constant), numbers_of(1))


def test_a_change_that_does_not_stay_finite_is_told(make, ring):
    def explosive(fields):
        return fields[..., :2] * 1e30 * 1e30

    with pytest.raises(DataError, match="grown to inf times"):
        Bred(cycles=2).vector(make(["a", "b"], ring, function=explosive), numbers_of(1))
