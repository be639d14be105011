"""A checkpoint with several networks, which share the members of a forecast."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from anemoi.core import forecast, plugins
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import RequestError

START = np.datetime64("2020-01-02T06", "s")
NOISY, QUIET = {"name": "noisy"}, {"name": "rollout"}


def shared(tiny, objective=QUIET):
    """A checkpoint with two networks, and one with each of them alone."""
    domain = tiny.domain("t", "ps")
    both = tiny.checkpoint(domain, model={"name": "tiny-shared", "network": tiny.model}, objective=objective)
    alone = [
        dataclasses.replace(
            tiny.checkpoint(domain, objective=objective),
            weights={
                name.replace(f"network.both.{number}.", "network."): weight
                for name, weight in both.weights.items()
                if f"both.{1 - number}" not in name
            },
            graph=both.graph,
        )
        for number in range(2)
    ]
    return both, alone


def made(tiny, checkpoint, members, date=START, **options):
    states = forecast(checkpoint, tiny.source(), date, "18h", members=members, **options)
    return np.stack([state.fields for state in states], axis=1)  # (members, time, grid, variable)


@pytest.mark.parametrize("seed", [0, 3])
def test_they_take_turns_and_each_member_is_what_its_network_makes_alone(tiny, seed):
    both, alone = shared(tiny, NOISY)
    members = made(tiny, both, 5, seed=seed)
    of_each = [made(tiny, each, 5, seed=seed) for each in alone]
    for member in range(5):
        turn = (seed + member) % 2
        np.testing.assert_array_equal(members[member], of_each[turn][member])
        assert np.abs(members[member] - of_each[1 - turn][member]).max() > 1e-4


def test_seeds_of_their_own_say_which_network(tiny):
    both, alone = shared(tiny, NOISY)
    members = made(tiny, both, 3, seed=[6, 4, 9])
    for place, (seed, network) in enumerate(((6, 0), (4, 0), (9, 1))):
        np.testing.assert_array_equal(members[place], made(tiny, alone[network], 1, seed=seed)[0])
        np.testing.assert_array_equal(members[place], made(tiny, both, 1, seed=seed)[0])


def test_without_chance_there_are_as_many_members_as_networks(tiny):
    both, alone = shared(tiny)
    for member, fields in enumerate(made(tiny, both, 2)):
        np.testing.assert_array_equal(fields, made(tiny, alone[member], 1)[0])
    for members, seed in ((3, 0), (2, [1, 3])):
        with pytest.raises(
            RequestError, match=f"Some of {members} members.*the checkpoint has 2 networks"
        ) as caught:
            made(tiny, both, members, seed=seed)
        assert "at most 2 members" in caught.value.fix
    assert len(made(tiny, both, 2, seed=[1, 2])) == 2


def test_a_perturbation_forecasts_with_the_network_of_its_member(tiny):
    both, alone = shared(tiny)
    back = plugins.load("perturbation", "shifted")(amplitude=0.0, back=2)
    earlier = made(tiny, alone[1], 1, START - np.timedelta64(12, "h"))[0]
    members = made(tiny, both, 2, perturbation=back)
    np.testing.assert_array_equal(members[1][0], earlier[2])


@pytest.mark.parametrize("training", [True, False])
def test_one_of_them_alone_trains_or_not_as_both_do(tiny, training):
    model = build_model(shared(tiny)[0]).train(training)
    one = model.with_network(3)
    assert {each.training for each in one.modules()} == {training}
    assert one.network is model.network.networks[1]
