import numpy as np
import pytest
import torch
from anemoi.core import forcings
from anemoi.core.errors import DataError

from anemoi_plugin_training.samples import Samples, model_statistics, training_times
from anemoi_plugin_training.settings import DateSettings


def test_the_period_includes_both_ends(random_source):
    source = random_source(times=12)
    times = training_times(source, DateSettings(start="2020-01-01T12", end="2020-01-02T06"))
    assert times.astype("datetime64[h]").astype(str).tolist() == [
        "2020-01-01T12",
        "2020-01-01T18",
        "2020-01-02T00",
        "2020-01-02T06",
    ]
    assert np.array_equal(training_times(source, DateSettings()), source.times)


def test_a_period_outside_the_data_says_where_they_are(random_source):
    with pytest.raises(DataError, match="reach from 2020-01-01T00 to 2020-01-03T18"):
        training_times(random_source(times=12), DateSettings(start="2021-01-01"))


@pytest.mark.parametrize(("times", "missing"), [(70, ()), (70, (0, 33, 40)), (5, (2,))])
def test_statistics_are_those_of_numpy_in_float64(random_source, times, missing):
    source = random_source(times=times, missing=missing)
    ours = model_statistics(source, source.times)
    fields = source.fields.astype(np.float64)
    whole = np.delete(fields, list(missing), axis=0)
    steps = [i for i in range(times - 1) if not {i, i + 1} & set(missing)]
    changes = np.stack([fields[i + 1] - fields[i] for i in steps])
    np.testing.assert_allclose(ours.mean, whole.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(ours.stdev, whole.std(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(ours.tendency_stdev, changes.std(axis=(0, 1, 2)), rtol=1e-6)


def test_nans_are_refused_with_variable_and_time(random_source):
    source = random_source(times=40)
    source.fields[35, 0, 3, 1] = np.nan
    with pytest.raises(DataError, match=r"'v1' at 2020-01-09T18"):
        model_statistics(source, source.times)


def test_a_variable_that_never_changes_is_refused(random_source):
    source = random_source()
    source.fields[..., 1] = 7
    with pytest.raises(DataError, match="never change in the training period: v1"):
        model_statistics(source, source.times)


def test_samples_are_all_windows_without_missing_times(random_source):
    source = random_source(times=12, missing=(5,))
    samples = Samples.within(source, source.times[1:], inputs=2, rollout=1, forcings=("cos_local_time",))
    assert samples.starts.tolist() == [1, 2, 6, 7, 8, 9]
    states, known = samples[[2, 0]]  # a batch is in order of time
    assert torch.equal(states, torch.from_numpy(np.stack([source.fields[1:4], source.fields[6:9]])))
    grid = source.grid
    expected = forcings.compute(["cos_local_time"], grid.latitudes, grid.longitudes, source.times[[2, 7]])
    np.testing.assert_array_equal(known, expected[:, None])


def test_too_short_a_period_is_refused(random_source):
    source = random_source(times=6, missing=(2, 4))
    with pytest.raises(DataError, match="no 3 consecutive ones"):
        Samples.within(source, source.times, inputs=2, rollout=1, forcings=())
    with pytest.raises(DataError, match="2 times, but no 3 consecutive"):
        Samples.within(source, source.times[:2], inputs=2, rollout=1, forcings=())
