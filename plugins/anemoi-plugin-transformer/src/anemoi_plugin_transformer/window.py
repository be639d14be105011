"""Exact sliding-window attention, in blocks, without a mask or a score for every pair of nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SlidingWindow(nn.Module):
    """Attention of each node to the ``window`` nodes before it, itself, and the ``window`` after it.

    Nodes are cut into blocks of queries. The keys that a block can see are one contiguous slice,
    its own nodes and ``window`` on either side, so memory and work grow with
    ``nodes x (block + 2 window)`` and the result is exactly that of a dense mask
    (Beltagy et al., "Longformer: the long-document transformer", 2020, without its global tokens).

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
        How many queries share a slice of keys.
    """

    visible: Tensor

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
        if window is None or self.unbounded:
            return
        self.window, self.block = window, min(block, nodes)
        window, block = self.window, self.block
        self.blocks = -(-nodes // block)
        self.span = span = block + 2 * window
        # Position of each block's queries (blocks, block) and keys (blocks, span).
        start = torch.arange(self.blocks)[:, None] * block
        queries = start + torch.arange(block)
        keys = start - window + torch.arange(span)
        inside = (keys >= 0) & (keys < nodes)
        near = (queries[:, :, None] - keys[:, None, :]).abs() <= window
        # A padding query, past the last node, may see anything: its result is thrown away.
        visible = (near & inside[:, None, :]) | (queries >= nodes)[:, :, None]
        self.register_buffer("visible", visible[:, None], persistent=False)  # (blocks, 1, block, span)

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
        batch, heads, nodes, channels = query.shape
        padding = self.blocks * self.block - nodes
        query = F.pad(query, (0, 0, 0, padding)).unfold(2, self.block, self.block)
        key, value = (
            F.pad(x, (0, 0, self.window, self.window + padding)).unfold(2, self.span, self.block)
            for x in (key, value)
        )
        # Blocks become part of the batch: (batch x blocks, heads, block | span, channels).
        query, key, value = (x.permute(0, 2, 1, 4, 3).flatten(0, 1) for x in (query, key, value))
        visible = self.visible.expand(batch, -1, -1, -1, -1).flatten(0, 1)
        out = self._attend(query, key, value, visible)
        out = torch.unflatten(out, 0, (batch, self.blocks)).transpose(1, 2)
        return out.reshape(batch, heads, self.blocks * self.block, channels)[:, :, :nodes]

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None) -> Tensor:
        dropout_p = self.dropout_p if self.training else 0.0
        if self.softcap is None:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=visible, dropout_p=dropout_p)
        score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        score = self.softcap * torch.tanh(score / self.softcap)
        if visible is not None:
            score = score.masked_fill(~visible, -torch.inf)
        return F.dropout(score.softmax(-1), dropout_p) @ value
