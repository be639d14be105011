"""Work along edges a block at a time: gather from the nodes at their ends, and sum at their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from anemoi_plugin_layers.blocks import blocks_of, on_eager_cpu, uncompiled
from torch import Tensor

Backend = Literal["auto", "blocks", "torch"]

EdgeFunction = Callable[..., Tensor]
"""Takes edges ``(1 or batch, edges, features)``, what is gathered from their target and source nodes
``(batch, edges, channels)``, and the condition, to new edges ``(batch, edges, channels)``. In blocks, it is
told as ``out`` where to put these, or None."""


def all_at_once(
    function: EdgeFunction,
    edges: Tensor,
    at_target: Tensor,
    at_source: Tensor,
    condition: Tensor | None,
    target: Tensor,
    source: Tensor,
) -> tuple[Tensor, Tensor]:
    """Make new edges ``(batch, edges, channels)``, and sum them at each target ``(batch, nodes, channels)``.

    Parameters
    ----------
    function
        What makes new edges.
    edges
        ``(1 or batch, edges, features)``.
    at_target, at_source
        ``(batch, nodes, channels)``, gathered for ``function``. With index_select, because the gradient
        of x[index] is summed in no fixed order.
    condition
        ``(batch, conditions)``, or None.
    target, source
        ``(edges,)``, where each edge ends and begins.
    """
    new = function(edges, at_target.index_select(1, target), at_source.index_select(1, source), condition)
    summed = new.new_zeros(new.shape[0], at_target.shape[1], new.shape[2]).index_add(1, target, new)
    return new, summed


@uncompiled
def edges_in_blocks(
    function: EdgeFunction,
    edges: Tensor,
    at_target: Tensor,
    at_source: Tensor,
    condition: Tensor | None,
    target: Tensor,
    source: Tensor,
    *,
    keep_edges: bool,
    overwrite: bool = False,
) -> tuple[Tensor | None, Tensor]:
    """Do the same as :func:`all_at_once`, a block of edges at a time, without gradients.

    Parameters
    ----------
    keep_edges
        Whether new edges are asked for; None comes back in their place if not.
    overwrite
        Whether they take the place of ``edges``.
    """
    new_edges = edges if overwrite else None
    summed: Tensor | None = None
    for part in blocks_of(row_bytes(at_target), len(target)):
        to, of = target[part], source[part]
        place = None if new_edges is None else new_edges[:, part]
        new = function(edges[:, part], rows_at(at_target, to), rows_at(at_source, of), condition, out=place)
        if summed is None:
            summed = new.new_zeros(new.shape[0], at_target.shape[1], new.shape[2])
            if keep_edges and new_edges is None:
                new_edges = new.new_empty(new.shape[0], len(target), new.shape[2])
                new_edges[:, part] = new
        add_rows(summed, to, new)
    assert summed is not None
    return (new_edges if keep_edges else None), summed


def runs_in_blocks(backend: Backend, tensor: Tensor) -> bool:
    """Whether to take a block at a time: by itself on a CPU, where nothing is compiled."""
    return backend == "blocks" or (backend == "auto" and on_eager_cpu(tensor))


def row_bytes(rows: Tensor) -> int:
    """The memory of one row of ``(batch, rows, channels)``, in all of the batch."""
    return rows.element_size() * rows.shape[0] * rows.shape[2]


def rows_at(nodes: Tensor, index: Tensor) -> Tensor:
    """Gather from ``(batch, nodes, channels)`` the rows ``(batch, edges, channels)`` of these nodes.

    Each item of the batch by itself: rows of a matrix are gathered on all cores, others on one.
    """
    rows = nodes.new_empty(nodes.shape[0], len(index), nodes.shape[2])
    for items, found in zip(nodes.unbind(), rows.unbind(), strict=True):
        torch.index_select(items, 0, index, out=found)
    return rows


def add_rows(total: Tensor, index: Tensor, rows: Tensor) -> None:
    """Add ``rows`` ``(batch, edges, channels)`` to those of ``total``, one after the other.

    Each item of the batch by itself: where rows lie together in memory this takes a third of the time.
    """
    for items, more in zip(total.unbind(), rows.unbind(), strict=True):
        items.index_add_(0, index, more)
