"""Batches of samples in random order, read while the model is trained on those before."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from anemoi.core.errors import AnemoiError
from torch.utils.data import DataLoader, Sampler

from .blocks import batches_of_blocks
from .samples import Batch, Samples
from .settings import BlockSettings

T = TypeVar("T")

_SIGNALLED = 2.0
"""Seconds within which the signal that a process has ended comes."""

ONE_BY_ONE = BlockSettings()
"""No blocks: each sample is read by itself."""


def batches(
    samples: Samples,
    *,
    batch_size: int,
    seed: int,
    workers: int,
    skip: int = 0,
    part: tuple[int, int] = (0, 1),
    blocks: BlockSettings = ONE_BY_ONE,
) -> Iterator[Batch]:
    """Give batches of samples without end, every sample once in each round.

    Parameters
    ----------
    seed
        Of their order.
    workers
        Processes that read; 0 reads in a thread of this one, where a source can use all processors and
        nothing is handed from process to process.
    skip
        How many batches at the beginning are left out, unread.
    part
        Which of several processes this is, and how many there are: each has batches of its own.
    blocks
        Of more than one sample: those that are read at once, by this process whatever ``workers`` says.

    Returns
    -------
    Iterator
        What ``samples[positions]`` gives.
    """
    if blocks.size > 1:
        return _ahead(
            batches_of_blocks(samples, blocks, batch_size=batch_size, seed=seed, skip=skip, part=part)
        )
    loader: DataLoader[Batch] = DataLoader(
        samples,
        batch_size=None,  # a sample of the loader is a batch of ours, so that it is read as one
        sampler=_Shuffled(len(samples), batch_size, seed, skip, part),
        num_workers=workers,
        generator=torch.Generator(),  # or it would draw from that of the layers, when it begins
    )
    return iter(loader) if workers else _ahead(iter(loader))


def settled(error: Exception) -> Exception:
    """Give an error, or the one that tells better why reading from another process has failed.

    Reading from a process that was killed may fail before the signal of its end has come. The handler of that
    signal raises too, wherever this process is by then: so nothing is begun before it has come.
    """
    if isinstance(error, (ConnectionError, EOFError)):
        try:
            time.sleep(_SIGNALLED)
        except RuntimeError as told:
            return told
    return error


def reader_killed(error: Exception) -> AnemoiError | None:
    """Say it clearly if an error tells that a process that reads samples was killed.

    PyTorch raises it from the handler of a signal, so it may come at any moment.
    """
    if not (isinstance(error, RuntimeError) and "DataLoader worker" in str(error)):
        return None
    return AnemoiError(
        f"A process that reads samples has ended: {error}",
        fix="Where memory is short choose fewer (training.workers), and go on: "
        "anemoi train --resume RUN training.workers=0",
    )


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Take the next of endless items in a thread, while one is made use of."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, items)
        while True:
            item = following.result()
            following = pool.submit(next, items)
            yield item


class _Shuffled(Sampler[list[int]]):
    """Batches of the positions of every sample in random order, and again in another, without end.

    The loader's own shuffling draws from its generator at other times with workers than without.
    """

    def __init__(self, count: int, batch_size: int, seed: int, skip: int, part: tuple[int, int]) -> None:
        self.count, self.batch_size, self.seed, self.skip = count, batch_size, seed, skip
        self.rank, self.world = part

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed)
        drawn: list[int] = []
        for number in itertools.count():
            while len(drawn) < self.batch_size * self.world:
                drawn += torch.randperm(self.count, generator=generator).tolist()
            if number >= self.skip:
                yield drawn[self.batch_size * self.rank : self.batch_size * (self.rank + 1)]
            del drawn[: self.batch_size * self.world]
