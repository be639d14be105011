from __future__ import annotations

import numpy as np

from anemoi_plugin_zarr.running import RunningStatistics


def test_batches_give_what_the_whole_gives() -> None:
    # A mean four orders above the deviation, as for pressure, which sums of squares do not survive.
    values = np.random.default_rng(0).normal([1e5, 0.0], [10.0, 1.0], (1000, 2))
    running = RunningStatistics(2)
    for batch in np.split(values, [1, 10, 500]):
        running.update(batch.reshape(-1, 1, 2))
    result = running.result()
    np.testing.assert_allclose(result.mean, values.mean(axis=0), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(result.stdev, values.std(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(result.minimum, values.min(axis=0))
    np.testing.assert_array_equal(result.maximum, values.max(axis=0))


def test_nans_are_left_out() -> None:
    running = RunningStatistics(2)
    running.update(np.array([[np.nan, np.nan], [1.0, np.nan]]))
    running.update(np.array([[3.0, np.nan]]))
    result = running.result()
    assert (result.mean[0], result.stdev[0], result.minimum[0], result.maximum[0]) == (2.0, 1.0, 1.0, 3.0)
    assert np.isnan([result.mean[1], result.stdev[1], result.minimum[1], result.maximum[1]]).all()
