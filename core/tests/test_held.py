"""A source at another frequency than its own."""

import numpy as np
import pytest

from anemoi.core.domain import Statistics
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.held import Held, held
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.variable import Variable

START = np.datetime64("2020-01-01T00", "s")


def hours(*values):
    return START + np.array(values) * np.timedelta64(3600, "s")


class Numbers(DataSource):
    """States every 12 hours, from hour 0 to 48; each holds its own hour."""

    reads: list

    def __init__(self, missing=()):
        self.reads = []
        self.lost = frozenset(hours(*missing))

    variables = ("x", "y")
    times = hours(0, 12, 24, 36, 48)
    frequency = np.timedelta64(12, "h")
    grid = Grid(np.array([10.0, 20.0, 30.0]), np.array([0.0, 1.0, 2.0]))
    statistics = Statistics(*np.arange(8.0).reshape(4, 2))
    provenance = {"identity": "numbers", "licence": "CC0"}  # noqa: RUF012
    units = {"x": "K"}  # noqa: RUF012
    changes = {}  # noqa: RUF012
    statistics_period = None
    metadata = {"x": Variable("x", units="K"), "y": Variable("y", constant=True)}  # noqa: RUF012

    @property
    def missing(self):
        return self.lost

    def read(self, times):
        self.reads.append(list(times))
        assert set(times) <= set(self.times) - self.lost
        when = (np.asarray(times) - START) / np.timedelta64(1, "h")
        return np.broadcast_to(when[:, None, None, None], (len(when), 1, 3, 2)).astype(np.float32)


def read(source, *at):
    return source.read(hours(*at))[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("frequency", [None, "12h"])
def test_a_source_of_that_frequency_is_left_as_it_is(frequency):
    source = Numbers()
    assert held(source, frequency) is source


def test_each_state_holds_until_the_next():
    source = Numbers()
    fast = held(source, "6h")
    assert fast.frequency == np.timedelta64(6, "h")
    np.testing.assert_array_equal(fast.times, hours(*range(0, 60, 6)))
    assert read(fast, 0, 6, 12, 18, 48, 54) == [0, 0, 12, 12, 48, 48]
    assert read(fast, 30, 6, 24, 6) == [24, 0, 24, 0]  # in the order asked for
    assert [len(times) for times in source.reads] == [3, 2]  # and each state read once


def test_of_a_faster_source_every_second_state_is_given():
    slow = held(Numbers(), "24h")
    np.testing.assert_array_equal(slow.times, hours(0, 24, 48))
    assert read(slow, 48, 0, 24) == [48, 0, 24]


def test_what_holds_a_missing_state_is_missing():
    assert held(Numbers(missing=[12, 36]), "4h").missing == set(hours(12, 16, 20, 36, 40, 44))
    assert held(Numbers(missing=[12, 24]), "24h").missing == set(hours(24))
    assert held(Numbers(), "6h").missing == frozenset()


def test_a_time_outside_is_refused_with_the_range():
    fast = held(Numbers(), "6h")
    for time in (-6, 60):
        with pytest.raises(DataError, match=r"no state at 20") as caught:
            fast.read(hours(0, time))
        assert "from 2020-01-01T00 to 2020-01-03T06" in caught.value.fix


@pytest.mark.parametrize("frequency", ["5h", "8h", "18h"])
def test_frequencies_that_do_not_go_together(frequency):
    with pytest.raises(DataError, match=f"12h apart cannot be held for {frequency}"):
        held(Numbers(), frequency)


def test_all_else_is_that_of_the_source():
    source = Numbers()
    fast = Held(source, np.timedelta64(6, "h"))
    for name in ("variables", "grid", "statistics", "metadata"):
        assert getattr(fast, name) is getattr(source, name)
    assert fast.units == source.units
    assert fast.provenance == {"identity": "numbers", "licence": "CC0", "held": "6h"}


def test_changes_between_other_states_are_not_those_of_the_source():
    source = Numbers()
    source.changes = {source.frequency: source.statistics}
    source.statistics_period = tuple(source.times[[0, -1]])
    fast = held(source, "6h")
    assert (fast.changes, fast.statistics_period) == ({}, None)
