"""Batches of samples from blocks of consecutive dates, so that each date is read about once an epoch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .samples import Batch, Samples
from .settings import BlockSettings

Positions: TypeAlias = NDArray[np.intp]
"""Of samples, ``(samples,)``."""

States: TypeAlias = Mapping[str, Mapping[np.datetime64, NDArray[np.float32]]]
"""The states of a block by domain and time, each ``(1, ensemble, grid, variable)``."""


def batches_of_blocks(
    samples: Samples,
    blocks: BlockSettings,
    *,
    batch_size: int,
    seed: int,
    skip: int = 0,
    part: tuple[int, int] = (0, 1),
) -> Iterator[Batch]:
    """Give batches of samples without end, every sample once in each epoch, shuffled among a few blocks.

    A thread reads the blocks of the next window while samples of the present one are given: one after the
    other, evenly spread. So twice ``blocks.mixed`` blocks are in memory at most, and those of one batch.

    Parameters
    ----------
    seed
        Of the order of the blocks, and of the samples among them.
    skip
        How many batches at the beginning are left out, unread.
    part
        Which of several processes this is, and how many there are: each has blocks of its own.

    Returns
    -------
    Iterator
        What ``samples[positions]`` gives.
    """
    with_states = _with_states(samples, blocks, seed, skip * batch_size, part)
    while drawn := list(itertools.islice(with_states, batch_size)):
        yield _batch(samples, sorted(drawn, key=itemgetter(0)))


def windows(
    count: int, blocks: BlockSettings, seed: int, part: tuple[int, int] = (0, 1)
) -> Iterator[list[Positions]]:
    """Give the blocks that one process mixes at a time, without end.

    Each epoch cuts the ``count`` samples into blocks elsewhere and shuffles these; a shorter one is last.
    The windows of all processes together have every sample once before the next epoch begins. Where they do
    not have equally many, one is ahead by one sample until the next epoch.
    """
    rank, world = part
    generator = np.random.default_rng(seed)
    size = min(blocks.size, count)
    width = blocks.mixed * size * world
    for epoch in itertools.count():
        samples = np.roll(np.arange(count), -generator.integers(size))
        whole = count // size * size
        shuffled = generator.permutation(samples[:whole].reshape(-1, size)).ravel()
        samples = np.concatenate([shuffled, samples[whole:]])
        for begin in range(0, count, width):
            shares = np.array_split(samples[begin : begin + width], world)
            share = shares[(rank + epoch) % world]
            if len(share):
                yield np.split(share, range(size, len(share), size))


def states_in_memory(samples: Samples, blocks: BlockSettings) -> int:
    """Bytes of the states in memory at most, of one ensemble member; none where no blocks are read."""
    if blocks.size == 1:
        return 0
    size = min(blocks.size, len(samples))
    states = 0
    for name, times in samples.times(np.arange(size)).items():
        source = samples.data[name].source
        states += 4 * len(np.unique(times)) * len(source.grid) * len(source.variables)
    return 2 * min(blocks.mixed, math.ceil(len(samples) / size)) * states


def _with_states(
    samples: Samples, blocks: BlockSettings, seed: int, skip: int, part: tuple[int, int]
) -> Iterator[tuple[int, States]]:
    """Give the position of each sample, and the states of its block."""
    generator = np.random.default_rng([seed, part[0]])
    pool = ThreadPoolExecutor(1, thread_name_prefix="blocks")
    read: dict[int, Future[States]] = {}
    try:
        for window, following in itertools.pairwise(windows(len(samples), blocks, seed, part)):
            every = [(number, position) for number, block in enumerate(window) for position in block]
            order = generator.permutation(np.array(every))[skip:].tolist()
            skip -= min(skip, len(every))
            if not order:
                continue
            if not read:
                needed = dict.fromkeys(number for number, _ in order)
                read = {number: pool.submit(_read, samples, window[number]) for number in needed}
            ahead: dict[int, Future[States]] = {}
            for done, (number, position) in enumerate(order, 1):
                while len(ahead) < len(following) * done // len(order):
                    ahead[len(ahead)] = pool.submit(_read, samples, following[len(ahead)])
                yield position, read[number].result()
            read = ahead
    finally:
        pool.shutdown(cancel_futures=True)


def _read(samples: Samples, positions: Positions) -> States:
    """Read the states of some samples, each once and all of a domain at once."""
    states = {}
    for name, times in samples.times(positions).items():
        each = np.unique(times)
        fields = samples.read(name, each)
        states[name] = {time: fields[place : place + 1] for place, time in enumerate(each)}
    return states


def _batch(samples: Samples, drawn: list[tuple[int, States]]) -> Batch:
    """Put samples together from the states of their blocks."""
    positions = np.array([position for position, _ in drawn])
    fields = {
        name: np.concatenate(  # which keeps how they lie in memory
            [states[name][time] for (_, states), own in zip(drawn, times, strict=True) for time in own]
        )
        for name, times in samples.times(positions).items()
    }
    return samples.batch(positions, fields)
