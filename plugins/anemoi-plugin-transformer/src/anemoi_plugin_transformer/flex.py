"""Sliding-window attention by FlexAttention, for GPUs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention

_BLOCK = 128


class FlexWindow(nn.Module):
    """Attention of each node to the ``window`` nodes before it, itself, and the ``window`` after it.

    One fused kernel visits only the blocks of scores that the window touches, and masks only those at
    its edges (Dong et al., "Flex attention", 2024). Which blocks those are is arithmetic, done once.

    Parameters
    ----------
    nodes
        How many there are.
    window
        How far a node sees on either side, in nodes; None is without end.
    softcap
        Scores are kept below this, or None.
    compile
        Whether to compile the kernel. Without, all scores are computed and kept, which is for tests.
    """

    mask: BlockMask | None

    def __init__(
        self, *, nodes: int, window: int | None, softcap: float | None = None, compile: bool = True
    ) -> None:
        super().__init__()
        self.compile_kernel = compile
        self.cap = None if softcap is None else _cap_at(softcap)
        unbounded = window is None or window >= nodes - 1
        self.mask = None if unbounded else _block_mask(nodes, window)  # type: ignore[arg-type]

    def _apply(self, fn: Any, recurse: bool = True) -> FlexWindow:
        # A block mask is no tensor, so it must be taken along when the module moves.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.mask is not None:
            self.mask = self.mask.to(fn(torch.empty(0)).device)
        return self

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """``(batch, heads, nodes, channels)`` of each to the same shape."""
        attend = _compiled() if self.compile_kernel else flex_attention
        return attend(query, key, value, score_mod=self.cap, block_mask=self.mask)  # type: ignore[no-any-return]


@cache
def _compiled() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def _cap_at(softcap: float) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
    def cap(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return softcap * torch.tanh(score / softcap)

    return cap


def _block_mask(nodes: int, window: int) -> BlockMask:
    """Which blocks of keys each block of queries sees, in part or in full."""
    start = torch.arange(0, nodes, _BLOCK)
    end = (start + _BLOCK).clamp(max=nodes) - 1
    nearest = (start[:, None] - end).clamp(min=0).maximum((start - end[:, None]).clamp(min=0))
    farthest = (end[:, None] - start).abs().maximum((end - start[:, None]).abs())
    # Only a whole block is called full: what lies past the last node must be masked.
    whole = (end - start == _BLOCK - 1)[:, None] & (end - start == _BLOCK - 1)
    full = (farthest <= window) & whole
    partial = (nearest <= window) & ~full

    def near(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query - key).abs() <= window

    return BlockMask.from_kv_blocks(
        *_listed(partial), *_listed(full), BLOCK_SIZE=_BLOCK, mask_mod=near, seq_lengths=(nodes, nodes)
    )


def _listed(seen: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks each row sees, and which, those first; with dimensions for batch and head."""
    count = seen.sum(-1, dtype=torch.int32)
    which = torch.argsort(~seen, dim=-1, stable=True).int()
    return count[None, None], which[None, None]
