"""What is undefined over land stays so, and bounds hold, at every step of a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.checkpoint import load, save
from anemoi.core.errors import DataError
from anemoi.core.variable import Role, Variable

START = np.datetime64("2020-01-02T06", "s")
LAND = np.array([True, True, False, False])
NAMES = ["ps", "t", "sst"]
CHAIN = {
    "imputer": {"name": "imputer"},
    "bounding": {"name": "bounding", "relu": ["tp", "t"]},
    "normaliser": {"name": "normaliser"},
}


@pytest.fixture
def domain(tiny):
    return tiny.domain(
        Variable("sst", may_be_missing=True),
        "ps",
        Variable("tp", Role.DIAGNOSTIC),
        "t",
        missing={"sst": LAND},
    )


def columns(states):
    """By name, ``(time, grid)``."""
    return dict(zip(("sst", "ps", "tp", "t"), np.stack([state.fields[0] for state in states]).T, strict=True))


def test_missing_values_and_bounds_are_those_of_a_loop_by_hand(tiny, domain):
    checkpoint, source = (
        tiny.checkpoint(domain, transforms=CHAIN),
        tiny.source(names=NAMES, undefined=["sst"]),
    )
    states = list(forecast(checkpoint, source, START, "5d"))
    found = columns(states)
    np.testing.assert_array_equal(np.isnan(found["sst"]), np.broadcast_to(LAND[:, None], (4, 20)))
    for name in ("ps", "tp", "t"):
        assert np.isfinite(found[name]).all()
    for name in ("tp", "t"):
        assert (found[name] >= 0).all()
        assert (found[name] == 0).any()
        assert (found[name] > 0.1).any()
    assert (found["ps"] < 0).any()
    expected = tiny.by_hand(checkpoint, {"data": source}, START, 20)
    for number, state in enumerate(states, 1):
        np.testing.assert_allclose(state.fields[0], expected["data", 6 * number], rtol=1e-4, atol=1e-5)


def test_what_is_bounded_goes_into_the_next_step_as_it_went_out(tiny, domain):
    """So it makes another forecast than bounding what is written alone."""
    source = tiny.source(names=NAMES, undefined=["sst"])
    free = {name: spec for name, spec in CHAIN.items() if name != "bounding"}
    bounded, unbounded = (
        columns(forecast(tiny.checkpoint(domain, transforms=chain), source, START, "2d"))
        for chain in (CHAIN, free)
    )
    first = int(np.argmax((unbounded["t"] < 0).any(axis=0)))
    assert 0 <= first < 7
    np.testing.assert_array_equal(bounded["ps"][:, : first + 1], unbounded["ps"][:, : first + 1])
    assert np.abs(bounded["ps"][:, first + 1] - unbounded["ps"][:, first + 1]).max() > 1e-3


def test_from_a_file_the_transforms_keep_their_order(tiny, domain, tmp_path):
    """In the order of the alphabet, bounds would come first and hold for other numbers."""
    chain = {name: CHAIN[name] for name in ("normaliser", "imputer", "bounding")}
    checkpoint, source = (
        tiny.checkpoint(domain, transforms=chain),
        tiny.source(names=NAMES, undefined=["sst"]),
    )
    save(tmp_path / "c", checkpoint)
    assert list(load(tmp_path / "c").configuration["transforms"]) == list(chain)
    one, other = (
        [s.fields for s in forecast(each, source, START, "2d")] for each in (checkpoint, tmp_path / "c")
    )
    np.testing.assert_array_equal(one, other)
    alphabetical = tiny.checkpoint(domain, transforms=dict(sorted(chain.items())))
    assert not np.array_equal(
        one, [s.fields for s in forecast(alphabetical, source, START, "2d")], equal_nan=True
    )


def test_a_value_where_the_training_had_none_changes_nothing_there(tiny, domain):
    """The source says what the sea is like over land: what comes out is undefined there all the same."""
    checkpoint = tiny.checkpoint(domain, transforms=CHAIN)
    found = columns(forecast(checkpoint, tiny.source(names=NAMES), START, "12h"))
    np.testing.assert_array_equal(np.isnan(found["sst"]), np.broadcast_to(LAND[:, None], (4, 2)))


def test_a_variable_missing_at_times_is_filled_in_and_then_forecast(tiny):
    domain = tiny.domain(Variable("sst", may_be_missing=True), "ps", "t")
    checkpoint = tiny.checkpoint(domain, transforms=CHAIN | {"bounding": {"name": "bounding"}})
    states = list(forecast(checkpoint, tiny.source(names=NAMES, undefined=["sst"]), START, "12h"))
    assert np.isfinite([state.fields for state in states]).all()


def test_a_variable_that_may_not_be_missing_must_be_there(tiny):
    checkpoint = tiny.checkpoint(
        tiny.domain("sst", "ps", "t"), transforms=CHAIN | {"bounding": {"name": "bounding"}}
    )
    with pytest.raises(DataError, match=r"not finite: sst \(2 of 4\)\."):
        forecast(checkpoint, tiny.source(names=NAMES, undefined=["sst"]), START, "12h")


def test_what_may_be_missing_may_not_be_infinite(tiny, domain):
    source = tiny.source(names=NAMES, undefined=["sst"])
    real = source.read
    source.read = lambda times: np.where(np.isnan(real(times)), np.float32(np.inf), real(times))
    with pytest.raises(DataError, match=r"not finite: sst \(2 of 4\)\."):
        forecast(tiny.checkpoint(domain, transforms=CHAIN), source, START, "12h")


def test_forcings_over_the_sea_alone_are_filled_in_at_every_step(tiny):
    forcing = Variable("sst", Role.FORCING, may_be_missing=True)
    domain = tiny.domain(forcing, "ps", "t", missing={"sst": LAND})
    checkpoint = tiny.checkpoint(domain, transforms=CHAIN | {"bounding": {"name": "bounding"}})
    source = tiny.source(names=NAMES, undefined=["sst"])
    states = list(forecast(checkpoint, source, START, "24h"))
    expected = tiny.by_hand(checkpoint, {"data": source}, START, 4)
    for number, state in enumerate(states, 1):
        np.testing.assert_allclose(state.fields[0], expected["data", 6 * number], rtol=1e-5, atol=1e-6)
