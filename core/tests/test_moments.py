from __future__ import annotations

import numpy as np

from anemoi.core.moments import Moments


def test_batches_give_what_the_whole_gives() -> None:
    # A mean four orders above the deviation, as for pressure, which sums of squares do not survive.
    values = np.random.default_rng(0).normal([[1e5], [0.0]], [[10.0], [1.0]], (2, 1000))
    total = Moments.none(2)
    for batch in np.split(values, [1, 10, 500], axis=1):
        total += Moments.of(batch.reshape(2, 1, -1))
    result = total.statistics()
    np.testing.assert_allclose(result.mean, values.mean(axis=1), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(result.stdev, values.std(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(result.minimum, values.min(axis=1))
    np.testing.assert_array_equal(result.maximum, values.max(axis=1))


def test_nans_are_left_out() -> None:
    total = Moments.of(np.array([[np.nan, 1.0], [np.nan, np.nan]])) + Moments.of(np.array([[3.0], [np.nan]]))
    result = total.statistics()
    assert (result.mean[0], result.stdev[0], result.minimum[0], result.maximum[0]) == (2.0, 1.0, 1.0, 3.0)
    assert np.isnan([result.mean[1], result.stdev[1], result.minimum[1], result.maximum[1]]).all()


def test_the_order_in_memory_does_not_matter() -> None:
    fields = np.random.default_rng(1).normal(5.0, 2.0, (7, 3)).astype("f4")  # (cell, variable)
    fields[2, 1] = np.nan
    result = Moments.of(np.moveaxis(fields, -1, 0)).statistics()
    np.testing.assert_allclose(result.mean, np.nanmean(fields.astype("f8"), axis=0), rtol=1e-13)
    np.testing.assert_allclose(result.stdev, np.nanstd(fields.astype("f8"), axis=0), rtol=1e-13)


def test_variables_come_one_after_another_and_are_left_as_they_are() -> None:
    fields = np.array([[1.0, 3.0], [2.0, 2.0]])
    result = Moments.of(iter(fields))
    assert result.squares.tolist() == [2.0, 0.0]
    assert fields.tolist() == [[1.0, 3.0], [2.0, 2.0]]
