"""The sliding window of release 0.1.0, which adds up in another order than the one of today."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PaddedWindow(nn.Module):
    """The same function as :class:`~.window.SlidingWindow`, to the bit as 0.1.0 computed it.

    Its forecasts stay what they were: in float32 the order of a sum decides the last digit, which a forecast
    of five days makes five. Every block is padded to a whole slice of keys, and slices are copied.

    Parameters
    ----------
    nodes
        How many there are.
    window
        How far a node sees on either side, in nodes; None is without end.
    block
        How many queries share a slice of keys.
    """

    visible: Tensor

    def __init__(self, *, nodes: int, window: int | None, block: int = 128) -> None:
        super().__init__()
        self.window = nodes - 1 if window is None else min(window, nodes - 1)
        self.block = min(block, nodes)
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
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        out = torch.unflatten(out, 0, (batch, self.blocks)).transpose(1, 2)
        return out.reshape(batch, heads, self.blocks * self.block, channels)[:, :, :nodes]
