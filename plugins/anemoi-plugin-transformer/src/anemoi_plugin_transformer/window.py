"""Exact sliding-window attention, in blocks, without a mask or a score for every pair of nodes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .parts import QueryBlocks, attend_in_parts

_TOGETHER = 8
"""Blocks in a part: enough to share among cores, and few enough for the gradients of their slices."""


class SlidingWindow(nn.Module):
    """Attention of each node to the ``window`` nodes before it, itself, and the ``window`` after it.

    Nodes are cut into blocks of queries. The keys that a block can see are one contiguous slice,
    its own nodes and ``window`` on either side, so work grows with ``nodes x (block + 2 window)`` and
    the result is exactly that of a dense mask (Beltagy et al., "Longformer: the long-document
    transformer", 2020, without its global tokens). All blocks but those near an end see their slice
    through the same mask. Their slices are views that overlap in memory, so nothing is copied. On a CPU
    their gradients are added a few blocks at a time, and there is no second derivative.

    Parameters
    ----------
    nodes
        How many there are.
    window
        How far a node sees on either side, in nodes; None is without end.
    softcap
        Scores are kept below this, or None. The scores themselves are then kept for the gradient.
    dropout_p
        How likely a weight is dropped in training.
    block
        How many queries share a slice of keys. More make larger products, of which more is masked: at
        windows of 512, 128 is as fast on CPU as 256 and takes the least memory.
    """

    near: Tensor

    def __init__(
        self,
        *,
        nodes: int,
        window: int | None,
        softcap: float | None = None,
        dropout_p: float = 0.0,
        block: int = 128,
    ) -> None:
        super().__init__()
        self.softcap, self.dropout_p = softcap, dropout_p
        self.unbounded = window is None or window >= nodes - 1
        self.window, self.block = nodes if window is None else window, block
        if self.unbounded:
            return
        query, key = torch.arange(block), torch.arange(-self.window, block + self.window)
        near = (query[:, None] - key).abs() <= self.window
        self.register_buffer("near", near, persistent=False)  # (block, block + 2 window)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        query, key, value
            ``(batch, heads, nodes, channels)``.

        Returns
        -------
        Tensor
            ``(batch, heads, nodes, channels)``.
        """
        if self.unbounded:
            return self._attend(query, key, value, None)
        # Rows of one head lie together, so that blocks become part of the batch without a copy.
        q, k, v = (x.flatten(0, 1).contiguous() for x in (query, key, value))
        parts = list(self._parts(query.shape[2]))
        eager = query.device.type == "cpu" and not torch.compiler.is_compiling()
        if eager and self.softcap is None and not (self.training and self.dropout_p):
            return attend_in_parts(q, k, v, parts).view(query.shape)
        attended = (
            self._attend(part.of_queries(q), part.of_keys(k), part.of_keys(v), part.near) for part in parts
        )
        return torch.cat([each.transpose(0, 1).flatten(1, 2) for each in attended], dim=1).view(query.shape)

    def _parts(self, nodes: int) -> Iterator[QueryBlocks]:
        """Take several blocks that see a whole slice together, and each near an end by itself."""
        block, window = self.block, self.window
        first, last = -(-window // block), (nodes - window) // block
        index = 0
        while (start := index * block) < nodes:
            count = min(last - index, _TOGETHER) if first <= index < last else 1
            end = min(start + count * block, nodes)
            low, high = max(start - window, 0), min(end + window, nodes)
            rows, seen = min(block, end - start), slice(low - start + window, None)
            reach = block + 2 * window if count > 1 else high - low
            near = self.near[:rows, seen][:, :reach]
            yield QueryBlocks(slice(start, end), slice(low, high), rows, reach, near)
            index += count

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, near: Tensor | None) -> Tensor:
        dropout_p = self.dropout_p if self.training else 0.0
        if self.softcap is None:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=near, dropout_p=dropout_p)
        score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        score = self.softcap * torch.tanh(score / self.softcap)
        if near is not None:
            score = score.masked_fill(~near, -torch.inf)
        return F.dropout(score.softmax(-1), dropout_p) @ value
