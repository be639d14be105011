"""Which rows of memory the edges of a graph join, in both directions, counted once and for all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from anemoi.core.graph import Edges
from torch import Tensor, nn


class Entries(NamedTuple):
    """The edges of a graph as compressed sparse rows, one row for each head of each node.

    States are taken as matrices of ``nodes * heads`` rows and one column for each channel of a head, so
    that a head is a node of its own, which no sum over edges needs to know. Each edge then is ``heads``
    entries, in order of target, then of head, then of source. The others say where the entries of a source
    and of an edge are, so that these too can be summed in a fixed order, by reading alone.
    """

    target: Tensor
    """The row of each entry among the targets, ``(entries,)``."""

    source: Tensor
    """The row of each entry among the sources, ``(entries,)``."""

    edge: Tensor
    """The edge of each entry, ``(entries,)``."""

    of_target: Tensor
    """Where the entries of each row of the targets begin, ``(targets * heads + 1,)``."""

    by_source: Tensor
    """The entries in order of source, ``(entries,)``."""

    target_by_source: Tensor
    """The row of each entry among the targets, in that order, ``(entries,)``."""

    of_source: Tensor
    """Where the entries of each row of the sources begin in that order, ``(sources * heads + 1,)``."""

    by_edge: Tensor
    """The entries in order of edge, ``(entries,)``."""

    of_edge: Tensor
    """Where the entries of each edge begin in that order, ``(edges + 1,)``."""


class Incidence(nn.Module):
    """Holds the entries of a graph on the device of the layers that use them.

    Parameters
    ----------
    edges
        The edges, sorted by target.
    num_sources, num_targets
        How many nodes there are at the two ends.
    heads
        Of the attention.
    """

    def __init__(self, *, edges: Edges, num_sources: int, num_targets: int, heads: int) -> None:
        super().__init__()
        target = (edges.target[:, None] * heads + torch.arange(heads)).flatten()  # by edge, then by head
        by_target = torch.argsort(target, stable=True)
        source = edges.source[by_target // heads] * heads + by_target % heads
        by_source = torch.argsort(source, stable=True)
        entries = Entries(
            target=target[by_target],
            source=source,
            edge=by_target // heads,
            of_target=_pointers(target, num_targets * heads),
            by_source=by_source,
            target_by_source=target[by_target][by_source],
            of_source=_pointers(source, num_sources * heads),
            by_edge=torch.argsort(by_target),
            of_edge=torch.arange(len(edges) + 1) * heads,
        )
        # 32 bits halve what is read beside the states.
        large = heads * max(num_sources, num_targets, len(edges)) >= 2**31
        for name, index in entries._asdict().items():
            self.register_buffer(name, index if large else index.int(), persistent=False)

    @property
    def entries(self) -> Entries:
        """Where they are now."""
        return Entries(*self.buffers())


def _pointers(row: Tensor, rows: int) -> Tensor:
    """Where the entries of each row begin, and where the last ends, ``(rows + 1,)``."""
    pointers = torch.zeros(rows + 1, dtype=torch.int64)
    pointers[1:] = torch.bincount(row, minlength=rows).cumsum(0)
    return pointers
