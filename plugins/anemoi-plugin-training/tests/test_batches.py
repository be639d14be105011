import threading
from itertools import islice

import numpy as np
import pytest
import torch
from anemoi.core.errors import DataError

from anemoi_plugin_training.batches import batches
from anemoi_plugin_training.samples import Samples


@pytest.fixture
def samples_of(data_of):
    def make(source):
        return Samples.within(*data_of(source, ["cos_local_time"]), count=1)

    return make


def first_times(source, drawn):
    """Where each sample of each batch begins, found by its values."""
    fields = torch.from_numpy(source.fields)
    return [[int((fields == state[0]).flatten(1).all(1).nonzero()) for state in batch] for batch in drawn]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_round_has_every_sample_once_and_each_batch_is_in_order(random_source, samples_of, workers):
    source = random_source(times=14)
    drawn = batches(samples_of(source), batch_size=4, seed=1, workers=workers)
    found = first_times(source, (batch.states["data"] for batch in islice(drawn, 6)))
    assert all(batch == sorted(batch) for batch in found)
    starts = [start for batch in found for start in batch]
    assert sorted(starts) == sorted([*range(12), *range(12)])
    assert sorted(starts[:12]) == list(range(12)) != starts[:12]


def test_a_batch_is_read_while_the_one_before_is_in_use(random_source, samples_of):
    source = random_source()
    reads = threading.Semaphore(0)
    read = source.read

    def noticed(times):
        reads.release()
        return read(times)

    samples = samples_of(source)
    source.read = noticed
    drawn = batches(samples, batch_size=1, seed=0, workers=0)
    next(drawn)
    assert reads.acquire(timeout=10)
    assert reads.acquire(timeout=10), "nothing was read after the first"


def test_what_cannot_be_read_is_said_where_it_is_wanted(random_source, samples_of):
    source = random_source()
    good, read = 2, source.read

    def damaged(times):
        nonlocal good
        good -= 1
        if good < 0:
            raise DataError("chunk 3 is damaged")
        return read(times)

    samples = samples_of(source)
    source.read = damaged
    drawn = batches(samples, batch_size=1, seed=0, workers=0)
    next(drawn), next(drawn)
    with pytest.raises(DataError, match="chunk 3 is damaged"):
        next(drawn)


def test_fields_are_handed_on_as_they_lie_in_memory(random_source, samples_of):
    source = random_source()
    read = source.read
    source.read = lambda times: np.ascontiguousarray(read(times).transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    states = samples_of(source)[[0, 5]].states["data"]
    assert states.permute(0, 1, 4, 2, 3).is_contiguous()
