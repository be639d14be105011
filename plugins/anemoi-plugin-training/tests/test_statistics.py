import numpy as np
import pytest
import torch
from anemoi.core.domain import Statistics
from anemoi.core.errors import DataError

from anemoi_plugin_training import statistics
from anemoi_plugin_training.statistics import learn

from .memory import HOUR, Memory

STEP = 6 * HOUR


class Logarithm:
    """Measures the logarithm of the first variable."""

    names = ("log",)

    def apply(self, values, names):
        return torch.log(values[..., [0]])


def known_of(source, measured=None, times=None):
    return learn(source, source.times if times is None else times, STEP, {}, measured)


@pytest.mark.parametrize(("times", "missing"), [(70, ()), (70, (0, 33, 40)), (5, (2,))])
def test_statistics_are_those_of_numpy_in_float64(random_source, times, missing):
    source = random_source(times=times, missing=missing)
    known = known_of(source)
    fields = source.fields.astype(np.float64)
    whole = np.delete(fields, list(missing), axis=0)
    steps = [i for i in range(times - 1) if not {i, i + 1} & set(missing)]
    changes = np.stack([fields[i + 1] - fields[i] for i in steps])
    for ours, theirs in ((known.values, whole), (known.changes, changes)):
        np.testing.assert_allclose(ours.mean, theirs.mean(axis=(0, 1, 2)), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(ours.stdev, theirs.std(axis=(0, 1, 2)), rtol=1e-6)
        np.testing.assert_array_equal(ours.minimum, theirs.min(axis=(0, 1, 2)))
        np.testing.assert_array_equal(ours.maximum, theirs.max(axis=(0, 1, 2)))


def test_nans_are_left_out_and_told(random_source):
    source = random_source(times=40)
    source.fields[:, :, 3:6, 1] = np.nan
    source.fields[7, :, 8, 1] = np.nan
    known = known_of(source)
    there = source.fields[..., 1].astype("f8")
    assert known.values.mean[1] == pytest.approx(np.nanmean(there), rel=1e-9)
    assert known.changes.stdev[1] == pytest.approx(np.nanstd(np.diff(there, axis=0)), rel=1e-6)
    assert list(known.missing) == ["v1"]
    assert np.flatnonzero(known.missing["v1"]).tolist() == [3, 4, 5]
    assert known.gaps == {"v1": source.times[0]}


def test_a_nan_that_nobody_told_of_is_refused_with_variable_and_time(random_source, data_of):
    source = random_source(times=40)
    source.fields[35, 0, 3, 1] = np.nan
    with pytest.raises(DataError, match=r"in v1, the first at 2020-01-09T18.*\n.*may_be_missing=\[v1\]"):
        data_of(source)
    domain = data_of(source, may_be_missing=["v*"])[0]["data"].domain
    assert [variable.may_be_missing for variable in domain.variables] == [False, True]
    assert not domain.missing["v1"].any()


def test_what_never_changes_is_kept_as_a_constant(random_source):
    source = random_source()
    source.fields[..., 1] = np.arange(20)
    known = known_of(source)
    assert list(known.constants) == ["v1"]
    np.testing.assert_array_equal(known.constants["v1"], np.arange(20))


def test_what_transforms_make_is_measured_in_the_same_pass(random_source):
    source = random_source(times=40)
    known = known_of(source, Logarithm())
    logarithms = np.log(source.fields[..., 0].astype("f8"))
    changes = np.diff(logarithms, axis=0)
    expected = [[f(each) for f in (np.mean, np.std, np.min, np.max)] for each in (logarithms, changes)]
    np.testing.assert_allclose(known.measured["log"], expected, rtol=1e-6, atol=1e-12)


def test_infinities_are_refused_with_variable_and_time(random_source):
    source = random_source(times=40)
    source.fields[35, 0, 3, 1] = np.inf
    with pytest.raises(DataError, match=r"'v1' at 2020-01-09T18"):
        known_of(source)


def test_too_few_times_are_refused(random_source):
    with pytest.raises(DataError, match="no two of them consecutive"):
        known_of(random_source(times=6, missing=(1, 3, 5)))


def test_no_training_reads_its_data_twice(random_source):
    source = random_source(times=40)
    first = known_of(source)
    reads, source.reads = source.reads, 0
    again = known_of(source)
    assert (reads, source.reads) == (42, 2)  # the first and the last tell the data from others
    for which in ("values", "changes"):
        for ours, theirs in zip(
            vars(getattr(first, which)).values(), vars(getattr(again, which)).values(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    source.fields[0] += 1
    assert known_of(source).values.mean[0] != first.values.mean[0]


def test_a_cache_that_is_damaged_is_made_again(random_source, monkeypatch):
    source = random_source(times=40)
    monkeypatch.setattr(statistics, "_load", lambda path: None)
    expected = known_of(source)
    monkeypatch.undo()
    statistics._kept_at(source, source.times, STEP, None).write_bytes(b"PK\x03\x04 no archive")
    np.testing.assert_array_equal(known_of(source).values.mean, expected.values.mean)


class Told(Memory):
    """Knows its own statistics."""

    period = (0, -1)
    changes = property(lambda self: {STEP: Statistics(*np.full((4, 2), 5.0))})
    statistics_period = property(lambda self: tuple(self.times[list(self.period)]))


def test_the_statistics_of_the_store_are_taken_where_they_are_of_the_training_period(random_source):
    source = Told(random_source(times=40).fields)
    known = known_of(source)
    np.testing.assert_array_equal(known.values.stdev, source.statistics.stdev)
    assert known.changes.stdev.tolist() == [5.0, 5.0]
    assert source.reads == 1
    source.period = (0, -2)
    assert known_of(source).changes.stdev[0] != 5.0


def test_the_last_states_that_changes_are_taken_from_are_kept_whatever_the_interval(random_source):
    source = random_source(times=70)
    known = learn(source, source.times, 4 * STEP, {}, None)
    changes = source.fields[4:].astype("f8") - source.fields[:-4]
    np.testing.assert_allclose(known.changes.stdev, changes.std(axis=(0, 1, 2)), rtol=1e-6)
