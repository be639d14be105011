"""Work on nodes a block at a time, on a CPU: what is made on the way stays in the cache."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

Block = tuple[slice, slice]
"""Some of the nodes of one item of a batch."""

_VALUES = 2**19
"""How many values of the widest state make a block: 2 MB in float32, and no less than a product of matrices
needs to be at its best."""


def runs_in_blocks(x: Tensor) -> bool:
    """Whether it is worth it and exact: on a CPU, in eager mode, in float32 or more."""
    eager = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return eager and x.dtype.itemsize >= 4 and not torch.is_autocast_enabled("cpu")


def blocks_of_nodes(x: Tensor, width: int) -> Iterator[Block]:
    """Cut each item of ``(batch, nodes, channels)`` into blocks of nodes whose states have this width."""
    nodes = max(1, _VALUES // width)
    for item in range(x.shape[0]):
        for start in range(0, x.shape[1], nodes):
            yield slice(item, item + 1), slice(start, start + nodes)
