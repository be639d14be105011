"""An objective that draws random numbers: the same seed gives the same forecast, however it is made."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anemoi.core import forecast, plugins
from anemoi.core.checkpoint import save
from anemoi.core.cli import main
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.forecasting import Destination, prepare
from anemoi.core.variable import Role, Variable

START = np.datetime64("2020-01-02T06", "s")
NOISE = {"name": "noisy"}
CONDITION = {"name": "noisy", "channels": 2}


@pytest.fixture(params=["added", "as a condition"])
def checkpoint(tiny, request):
    domain = tiny.domain("t", "ps", Variable("tp", Role.DIAGNOSTIC))
    if request.param == "added":
        return tiny.checkpoint(domain, objective=NOISE, identity="sha256:me")
    processor = {"processor": {"name": "tiny-conditioned"}}
    return tiny.checkpoint(domain, objective=CONDITION, model=processor, identity="sha256:me")


def made(tiny, checkpoint, date=START, lead_time="24h", **options):
    states = forecast(checkpoint, tiny.source(), date, lead_time, **{"members": 3, **options})
    return np.stack([state.fields for state in states])


def test_the_seed_decides(tiny, checkpoint):
    one = made(tiny, checkpoint)
    torch.rand(7)  # what is drawn elsewhere does not matter
    np.testing.assert_array_equal(one, made(tiny, checkpoint))
    np.testing.assert_array_equal(one, made(tiny, checkpoint, seed=0))
    other = made(tiny, checkpoint, seed=1)
    assert np.abs(one - other).max(axis=(1, 2, 3)).min() > 1e-4
    assert (
        np.abs(one[:, 0] - one[:, 1]).max(axis=(1, 2)).min() > 1e-4
    )  # members differ, from one initial state


def test_each_step_and_each_start_has_numbers_of_its_own(tiny, monkeypatch):
    """Of an objective that only adds them: what it adds is seen against the same without."""
    domain = tiny.domain("t", mean=0, stdev=1)
    noisy, quiet = (
        tiny.checkpoint(domain, objective={"name": "noisy", "amplitude": amplitude})
        for amplitude in (1.0, 0.0)
    )
    noise = {
        date: made(tiny, noisy, date, "6h") - made(tiny, quiet, date, "6h")
        for date in ("2020-01-02T06", "2020-01-02T12")
    }
    one, other = noise.values()
    assert np.abs(one - other).max() > 0.1
    seeds, objective = set(), plugins.load("objective", "noisy")
    real = objective.advance

    def advance(self, model, inputs, generator):
        seeds.add(generator.initial_seed())
        return real(self, model, inputs, generator)

    monkeypatch.setattr(objective, "advance", advance)
    for date in ("2020-01-02T06", "2020-01-02T12"):
        made(tiny, noisy, date, "5d")
    assert len(seeds) == 2 * 20 * 3  # and each member


def test_a_member_is_the_same_however_many_are_made(tiny, checkpoint):
    many = made(tiny, checkpoint, members=5, seed=3)
    for members in (1, 2, 4):
        np.testing.assert_array_equal(many[:, :members], made(tiny, checkpoint, members=members, seed=3))


class StopError(Exception):
    """What interrupts a forecast."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_forecast_that_goes_on_draws_what_it_would_have_drawn(tiny, checkpoint, tmp_path, after):
    def prepared(**options):
        return prepare(
            checkpoint, tiny.source(), [START], [Destination(str(tmp_path / "a.npz"), tiny.output)], "24h",
            members=3, restart=True, **{"seed": 5, **options},
        )  # fmt: skip

    left = [after]

    def on_step(forecast, state):
        left[0] -= 1
        if not left[0]:
            raise StopError

    with pytest.raises(StopError):
        list(prepared().run(on_step))
    with pytest.raises(DataError, match="its seed is 5, not 6"):
        prepared(seed=6)
    list(prepared().run())
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["fields"], made(tiny, checkpoint, seed=5))


def test_the_command_has_a_seed(tiny, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = ["forecast", "c", "--date", str(START), "--lead-time", "12h", "--members", "3", "--output"]
    assert main([*words, "a.npz", "--seed", "4"]) == 0
    np.testing.assert_array_equal(np.load("a.npz")["fields"], made(tiny, checkpoint, lead_time="12h", seed=4))
    assert main([*words, "b.npz", "--seed", "-1"]) == 2
    assert "--seed" in capsys.readouterr().err


def test_a_condition_that_no_layer_takes_is_an_error_before_anything_else(tiny):
    with pytest.raises(ConfigError, match="conditions the model on 2 numbers, but none of its encoder"):
        tiny.checkpoint(tiny.domain("t"), objective=CONDITION)


def test_a_layer_that_waits_for_a_condition_that_does_not_come_is_an_error(tiny):
    waiting = {"processor": {"name": "tiny-conditioned", "condition_channels": 2}}
    with pytest.raises(
        ConfigError, match=r"model\.processor\.condition_channels is 2: .* nothing provides one"
    ):
        tiny.checkpoint(tiny.domain("t"), model=waiting)
