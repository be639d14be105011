"""Exact sliding-window attention, in blocks, without a mask or a score for every pair of nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SlidingWindow(nn.Module):
    """Attention of each node to the ``window`` nodes before it, itself, and the ``window`` after it.

    Nodes are cut into blocks of queries. The keys that a block can see are one contiguous slice,
    its own nodes and ``window`` on either side, so work grows with ``nodes x (block + 2 window)`` and
    the result is exactly that of a dense mask (Beltagy et al., "Longformer: the long-document
    transformer", 2020, without its global tokens). All blocks but those near an end see their slice
    through the same mask. Their slices are views that overlap in memory, so nothing is copied.

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
        nodes, block = query.shape[2], self.block
        blocks = -(-nodes // block)
        # Blocks from first to last see a whole slice; those before and after lack a part of it.
        first, last = -(-self.window // block), (nodes - self.window) // block
        if last <= first:
            first = last = 0
        # Rows of one head lie together, so that blocks become part of the batch without a copy.
        states = query.contiguous(), key.contiguous(), value.contiguous()
        parts = [self._one_block(*states, index) for index in range(first)]
        if last > first:
            parts.append(self._whole_blocks(*states, first, last))
        parts += [self._one_block(*states, index) for index in range(last, blocks)]
        return torch.cat(parts, dim=2)

    def _one_block(self, query: Tensor, key: Tensor, value: Tensor, index: int) -> Tensor:
        """Attend in one block near an end, which sees a part of its slice."""
        nodes, window = query.shape[2], self.window
        start, end = index * self.block, min((index + 1) * self.block, nodes)
        low, high = max(start - window, 0), min(end + window, nodes)
        shift = start - window
        near = self.near[: end - start, low - shift : high - shift]
        return self._attend(query[:, :, start:end], key[:, :, low:high], value[:, :, low:high], near)

    def _whole_blocks(self, query: Tensor, key: Tensor, value: Tensor, first: int, last: int) -> Tensor:
        """Attend in all blocks that see a whole slice, at once."""
        batch, block, window = query.shape[0], self.block, self.window
        start, end = first * block, last * block
        query = query[:, :, start:end].unfold(2, block, block)
        key, value = (
            x[:, :, start - window : end + window].unfold(2, block + 2 * window, block) for x in (key, value)
        )
        # (blocks, batch x heads, block | slice, channels)
        query, key, value = (x.permute(2, 0, 1, 4, 3).flatten(1, 2) for x in (query, key, value))
        out = self._attend(query, key, value, self.near)
        return torch.unflatten(out, 1, (batch, -1)).permute(1, 2, 0, 3, 4).flatten(2, 3)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, near: Tensor | None) -> Tensor:
        dropout_p = self.dropout_p if self.training else 0.0
        if self.softcap is None:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=near, dropout_p=dropout_p)
        score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        score = self.softcap * torch.tanh(score / self.softcap)
        if near is not None:
            score = score.masked_fill(~near, -torch.inf)
        return F.dropout(score.softmax(-1), dropout_p) @ value
