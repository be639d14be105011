"""Blocks of consecutive dates are read once, shuffled among a few, and give the same batches."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from anemoi.core.errors import DataError

from anemoi_plugin_training.batches import batches
from anemoi_plugin_training.blocks import states_in_memory
from anemoi_plugin_training.samples import Samples
from anemoi_plugin_training.settings import BlockSettings

COUNT = 38
BLOCKS = BlockSettings(size=5, mixed=2)


@pytest.fixture
def samples(random_source, data_of):
    """So many samples of three states each, whose source notes what it is asked for."""
    source = random_source(times=COUNT + 2)
    made = Samples.within(*data_of(source, ["cos_local_time"]), count=1)
    source.asked, read = [], source.read

    def noted(times):
        source.asked.append(list(times))
        return read(times)

    source.read = noted
    return made


def drawn(samples, number, *, batch_size=1, seed=3, blocks=BLOCKS, **options):
    """The first sample times of so many batches, as positions."""
    given = batches(samples, batch_size=batch_size, seed=seed, workers=0, blocks=blocks, **options)
    found = [
        np.searchsorted(samples.starts, each.starts).tolist() for each in itertools.islice(given, number)
    ]
    given.close()
    return found


def flat(batches):
    return [position for batch in batches for position in batch]


@pytest.mark.parametrize("blocks", [BLOCKS, BlockSettings(size=50), BlockSettings(size=2, mixed=1)])
def test_each_epoch_has_each_sample_once_in_an_order_of_its_own(samples, blocks):
    order = flat(drawn(samples, 3 * COUNT, blocks=blocks))
    epochs = [order[begin : begin + COUNT] for begin in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in [*epochs, range(COUNT)]}) == 4


def test_the_seed_alone_decides_on_the_order(samples):
    first, again, other = (drawn(samples, COUNT, seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_samples_are_shuffled_among_a_few_blocks_and_these_over_all(samples):
    order = np.array(flat(drawn(samples, COUNT)))
    window = order[: BLOCKS.mixed * BLOCKS.size]
    # Two blocks of five: consecutive within, but for one that may reach from the end to the beginning.
    runs = np.count_nonzero(np.diff(np.sort(window)) > 1) + 1
    assert 1 <= runs <= 3
    assert np.any(np.diff(window) < 0), "nothing is shuffled"
    assert len(set(order // BLOCKS.size)) > 3


def test_each_state_is_read_once_an_epoch_but_at_the_edges_of_blocks(samples):
    source = samples.data["data"].source
    drawn(samples, COUNT)
    blocks = -(-COUNT // BLOCKS.size)
    # The thread that reads may be ahead by a window.
    own, after = source.asked[:blocks], source.asked[blocks:]
    assert len(after) <= BLOCKS.mixed
    assert all(list(times) == sorted(set(times)) for times in source.asked)
    counts = Counter(itertools.chain.from_iterable(own))
    assert set(counts) == set(source.times)
    assert max(counts.values()) <= 2
    # The edges of blocks, and of the one that reaches around the end, share two states.
    assert sum(counts.values()) <= len(source.times) + 2 * blocks
    alone = Counter()
    for position in range(COUNT):
        alone.update(samples.times(np.array([position]))["data"].ravel().tolist())
    assert sum(counts.values()) < 0.5 * sum(alone.values())


def test_a_batch_is_as_if_its_samples_were_read_by_themselves(samples):
    source = samples.data["data"].source
    read = source.read
    source.read = lambda times: np.ascontiguousarray(read(times).transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    given = batches(samples, batch_size=4, seed=0, workers=0, blocks=BLOCKS)
    for batch in itertools.islice(given, 12):
        positions = np.searchsorted(samples.starts, batch.starts)
        assert positions.tolist() == sorted(positions)
        alone = samples[positions]
        assert torch.equal(batch.states["data"], alone.states["data"])
        assert torch.equal(batch.forcings["data"], alone.forcings["data"])
        assert batch.states["data"].permute(0, 1, 4, 2, 3).is_contiguous()


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_have_samples_of_their_own_and_all_together(samples, world):
    epochs = 6
    steps = epochs * COUNT // world
    parts = [flat(drawn(samples, steps, part=(rank, world))) for rank in range(world)]
    # After an epoch one may be ahead by a sample.
    for epoch in range(1, epochs):
        seen = Counter(itertools.chain.from_iterable(part[: epoch * COUNT // world] for part in parts))
        assert set(seen) <= set(range(COUNT))
        assert sum(seen.values()) - sum(min(count, epoch) for count in seen.values()) <= world
    first = [set(part[: COUNT // world]) for part in parts]
    assert sum(map(len, first)) == len(set.union(*first))


def test_each_process_reads_blocks_of_its_own(samples):
    source = samples.data["data"].source
    drawn(samples, COUNT // 2, part=(0, 2))
    asked = len(list(itertools.chain.from_iterable(source.asked)))
    assert asked < 0.8 * len(source.times) + 2 * BLOCKS.mixed * (BLOCKS.size + 2)


@pytest.mark.parametrize("skip", [1, 7, 40])
@pytest.mark.parametrize("part", [(0, 1), (1, 2)])
def test_batches_that_are_left_out_are_not_read_and_the_others_are_the_same(samples, skip, part):
    source = samples.data["data"].source
    whole = drawn(samples, 60, batch_size=2, part=part)
    source.asked.clear()
    assert drawn(samples, 60 - skip, batch_size=2, part=part, skip=skip) == whole[skip:]
    assert len(source.asked) <= -(-(60 - skip) * 2 // BLOCKS.size) + 2 * BLOCKS.mixed + 4


def test_a_block_that_cannot_be_read_is_said_where_it_is_wanted(samples):
    source = samples.data["data"].source
    read = source.read

    def damaged(times):
        if source.times[20] in times:
            raise DataError("chunk 20 is damaged")
        return read(times)

    source.read = damaged
    with pytest.raises(DataError, match="chunk 20 is damaged"):
        drawn(samples, COUNT)


def test_the_memory_of_blocks_is_that_of_their_states(samples):
    state = 4 * 20 * 2
    assert states_in_memory(samples, BlockSettings()) == 0
    assert states_in_memory(samples, BLOCKS) == 4 * 7 * state
    assert states_in_memory(samples, BlockSettings(size=50)) == 2 * (COUNT + 2) * state
