"""Attention in parts, whose gradients are added where they belong.

Slices of keys overlap. Left to autograd, the gradient of each slice is one of all nodes, and those of slices
that were taken at once are all in memory beside each other, several times as much as the states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_differentiate = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class QueryBlocks(NamedTuple):
    """Blocks of queries that follow each other, each of which sees a slice of keys."""

    queries: slice
    """The nodes of all its blocks."""

    keys: slice
    """The nodes that any of them sees."""

    rows: int
    """How many queries a block has."""

    reach: int
    """How many keys a block sees."""

    near: Tensor
    """``(rows, reach)``, which of them each query sees."""

    def of_queries(self, x: Tensor) -> Tensor:
        """See those of ``(heads, nodes, channels)``, ``(blocks, heads, rows, channels)``."""
        return x[:, self.queries].unfold(1, self.rows, self.rows).permute(1, 0, 3, 2)

    def of_keys(self, x: Tensor) -> Tensor:
        """See those of ``(heads, nodes, channels)``, ``(blocks, heads, reach, channels)``; they overlap."""
        return x[:, self.keys].unfold(1, self.reach, self.rows).permute(1, 0, 3, 2)


def attend_in_parts(query: Tensor, key: Tensor, value: Tensor, parts: Sequence[QueryBlocks]) -> Tensor:
    """Attend, on a CPU.

    Parameters
    ----------
    query, key, value
        ``(heads, nodes, channels)``.
    parts
        All nodes.

    Returns
    -------
    Tensor
        ``(heads, nodes, channels)``.
    """
    return _InParts.apply(query, key, value, parts)  # type: ignore[no-any-return, no-untyped-call]


class _InParts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, parts: Sequence[QueryBlocks]) -> Tensor:
        heads, nodes, channels = query.shape
        # Nodes come first in memory, so that heads are joined without a copy.
        out, sums = query.new_empty(nodes, heads, channels).transpose(0, 1), []
        for part in parts:
            states = part.of_queries(query), part.of_keys(key), part.of_keys(value)
            attended, total = _attend(*states, attn_mask=_mask(part, query))
            part.of_queries(out).copy_(attended)
            sums.append(total)
        ctx.parts = parts
        ctx.save_for_backward(query, key, value, out, *sums)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, out, *sums = ctx.saved_tensors
        of_query, of_key, of_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for part, total in zip(ctx.parts, sums, strict=True):
            states = part.of_queries(query), part.of_keys(key), part.of_keys(value)
            results = part.of_queries(out), total, 0.0, False
            of_queries, *of_keys = _differentiate(
                part.of_queries(gradient), *states, *results, attn_mask=_mask(part, query)
            )
            part.of_queries(of_query).copy_(of_queries)
            for whole, shares in zip((of_key, of_value), of_keys, strict=True):
                for seen, share in zip(part.of_keys(whole), shares, strict=True):
                    seen += share
        return of_query, of_key, of_value, None


def _mask(part: QueryBlocks, query: Tensor) -> Tensor:
    return query.new_zeros(part.near.shape).masked_fill_(~part.near, -torch.inf)
