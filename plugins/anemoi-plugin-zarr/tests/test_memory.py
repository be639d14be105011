"""Memory is used again, and never while anything looks at it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anemoi_plugin_zarr import memory


@pytest.fixture(autouse=True)
def none_free() -> None:
    memory._free.clear()


def place(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_what_nobody_looks_at_any_more_is_used_again() -> None:
    first = memory.empty((4, 1000, 100))
    at = place(first)
    del first
    assert place(memory.empty((400, 1000))) == at


@pytest.mark.parametrize(
    "look",
    [
        lambda array: array.transpose(0, 2, 1)[1:2, 3],
        lambda array: torch.from_numpy(array.transpose(0, 2, 1)).view(2, 2, 100, 1000)[1, 0, 5:7].numpy(),
        lambda array: memoryview(array),
    ],
    ids=["view", "tensor", "buffer"],
)
def test_what_somebody_looks_at_is_not(look) -> None:
    first = memory.empty((4, 1000, 100))
    first[...] = np.arange(100)
    seen = look(first)
    expected = np.array(seen)
    del first
    memory.empty((4, 1000, 100))[...] = -1
    np.testing.assert_array_equal(np.array(seen), expected)


def test_of_other_sizes_no_more_is_kept_than_was_given_back_last() -> None:
    first = memory.empty((1000, 1000))
    at = place(first)
    del first
    memory.empty((1000, 1001))
    first = memory.empty((1000, 1000))
    assert place(first) == at
    others = [memory.empty((1000, 1002 + i)) for i in range(3)]
    others.clear()
    del first
    assert len(memory._free) == 2
    assert memory._free[-1].size == 1_000_000
