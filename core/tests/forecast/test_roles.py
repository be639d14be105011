"""Where each input of a forecast comes from, by its role; and what is not there is said before it is read."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.checkpoint import save
from anemoi.core.cli import main
from anemoi.core.errors import DataError
from anemoi.core.variable import Role, Variable

START = np.datetime64("2020-01-02T06", "s")
SIX_HOURS = np.timedelta64(6 * 3600, "s")
SST = Variable("sst", Role.FORCING, units="K")
LSM = Variable("lsm", Role.FORCING, constant=True)
RAIN = Variable("tp", Role.DIAGNOSTIC)
SUN = Variable("insolation", Role.FORCING, computed=True)
MASK = np.array([1, 0.25, 0, -0.5], dtype=np.float32)


@pytest.fixture
def checkpoint(tiny):
    """One of each role, in a mixed order."""
    return tiny.checkpoint(tiny.domain(RAIN, SST, "t", SUN, LSM, "ps", constants={"lsm": MASK}))


def fields(states):
    return np.stack([state.fields[0] for state in states])


def hand(tiny, checkpoint, source, count, **options):
    found = tiny.by_hand(checkpoint, {"data": source}, START, count, **options)
    return np.stack([found["data", 6 * number] for number in range(1, count + 1)])


def recorded(source):
    """The hours after the start that a source is asked for, as they are."""
    asked, real = [], source.read
    source.read = lambda times: (
        asked.extend(int((time - START) / SIX_HOURS) * 6 for time in times) or real(times)
    )
    return asked


def test_every_input_comes_from_where_its_role_says(tiny, checkpoint):
    """The source has neither the rain, which is never asked for, nor the constant, nor the sunlight."""
    source = tiny.source(names=["ps", "sst", "t"])
    states = list(forecast(checkpoint, source, START, "24h"))
    assert states[0].fields.shape == (1, 4, 3)
    expected = hand(tiny, checkpoint, source, 4)
    np.testing.assert_allclose(fields(states), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(expected[-1] - expected[0]).max() > 0.1


def test_forcings_are_read_once_for_each_input_time_and_not_beyond(tiny, checkpoint):
    source = tiny.source(names=["ps", "sst", "t"])
    asked = recorded(source)
    made = forecast(checkpoint, source, START, "24h")
    assert asked == [-6, 0]
    for _ in made:
        pass
    assert asked == [-6, 0, 6, 12, 18]


def test_prognostic_variables_are_read_at_the_start_alone(tiny):
    source = tiny.source()
    asked = recorded(source)
    for _ in forecast(tiny.checkpoint(tiny.domain("t", SUN, "ps")), source, START, "24h"):
        pass
    assert asked == [-6, 0]


def test_a_persisted_forcing_keeps_its_value_at_the_start(tiny, checkpoint):
    """So nothing after the start need be there."""
    source = tiny.source(names=["ps", "sst", "t"])
    short = tiny.source(names=["ps", "sst", "t"], count=6)
    assert short.times[-1] == START
    states = fields(forecast(checkpoint, short, START, "24h", persist=["sst"]))
    np.testing.assert_allclose(
        states, hand(tiny, checkpoint, source, 4, persist=["sst"]), rtol=1e-5, atol=1e-6
    )
    read = fields(forecast(checkpoint, source, START, "24h"))
    np.testing.assert_array_equal(states[0], read[0])
    assert np.abs(states[1:] - read[1:]).max(axis=(1, 2)).min() > 1e-3


def test_without_being_persisted_it_must_be_there_to_the_last_step(tiny, checkpoint):
    short = tiny.source(names=["ps", "sst", "t"], count=7)
    assert len(list(forecast(checkpoint, short, START, "12h"))) == 2
    with pytest.raises(DataError, match="no state at 2020-01-02T18 and 2020-01-03T00") as caught:
        forecast(checkpoint, short, START, "24h")
    assert "unless persisted: sst" in caught.value.what


def test_a_constant_that_the_checkpoint_lacks_is_read_at_the_start(tiny, checkpoint):
    with_constant = checkpoint
    domain = dataclasses.replace(with_constant.domain, constants={})
    without = dataclasses.replace(with_constant, domains={"data": domain})
    source = tiny.source(names=["lsm", "ps", "sst", "t"])
    values = source.read([START])[0, 0, :, 0]
    domain = dataclasses.replace(domain, constants={"lsm": values})
    same = dataclasses.replace(with_constant, domains={"data": domain})
    np.testing.assert_array_equal(
        fields(forecast(without, source, START, "24h")), fields(forecast(same, source, START, "24h"))
    )
    with pytest.raises(DataError, match="it has no lsm; it has ps, sst, t"):
        forecast(without, tiny.source(names=["ps", "sst", "t"]), START, "24h")


def test_everything_that_is_absent_is_said_at_once_and_before_anything_is_read(tiny, checkpoint):
    variables = [dataclasses.replace(each, units="m") if each.name == "t" else each
                 for each in checkpoint.domain.variables]  # fmt: skip
    domain = dataclasses.replace(checkpoint.domain, variables=tuple(variables), constants={})
    source = tiny.source(names=["t", "tp"], points=3, count=7)
    source.read = lambda times: pytest.fail("it was read")
    with pytest.raises(DataError) as caught:
        forecast(dataclasses.replace(checkpoint, domains={"data": domain}), source, START, "24h")
    for word in (
        "it has no ps, sst, lsm; it has t, tp",
        "its t is in K, the checkpoint's in m",
        "grid has 4 points, but it has 3 points",
        "no state at 2020-01-02T18 and 2020-01-03T00",
    ):
        assert word in caught.value.what
    assert "insolation" not in caught.value.what


@pytest.mark.parametrize("name", ["t", "tp", "lsm", "insolation", "moon"])
def test_what_is_not_read_at_every_step_cannot_be_persisted(tiny, checkpoint, name):
    with pytest.raises(DataError, match=f"^{name} cannot be persisted") as caught:
        forecast(checkpoint, tiny.source(names=["ps", "sst", "t"]), START, "6h", persist=["sst", name])
    assert caught.value.fix == "Those that are: sst."


def test_a_forcing_that_is_not_finite_at_a_later_step_is_named(tiny, checkpoint):
    source = tiny.source(names=["ps", "sst", "t"])
    real = source.read

    def read(times):
        values = real(times)
        values[np.asarray(times) == START + SIX_HOURS, :, 2, 1] = np.nan
        return values

    source.read = read
    states = iter(forecast(checkpoint, source, START, "24h"))
    next(states)
    with pytest.raises(DataError, match=r"2020-01-02T12 holds values that are not finite: sst \(1 of 4\)"):
        next(states)


def test_the_command_persists_what_it_is_told(tiny, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = ["forecast", "c", "--date", str(START), "--lead-time", "24h", "--output", "a.npz"]
    words += ["--source", "tiny", "--source", "names=[ps, sst, t]", "--source", "count=6"]
    assert main(words) == 3
    assert "unless persisted: sst" in capsys.readouterr().err
    assert main([*words, "--persist", "ps"]) == 2
    assert "ps cannot be persisted" in capsys.readouterr().err
    assert main([*words, "--persist", "sst"]) == 0
    expected = forecast(checkpoint, tiny.source(names=["ps", "sst", "t"]), START, "24h", persist=["sst"])
    np.testing.assert_array_equal(np.load("a.npz")["fields"][:, 0], fields(expected))
