"""Tensors that several processes share out among each other, and the same as a whole.

PyTorch's ``DTensor`` takes a second to import, which a training whose tensors are whole goes without: one is
known here by its ``full_tensor``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer


def is_shared_out(tensor: Tensor) -> bool:
    """Whether this process has a part of it alone."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """Give all of a tensor; every process must ask for it."""
    return cast(Any, tensor).full_tensor() if is_shared_out(tensor) else tensor


def whole_tree(tree: Any) -> Any:
    """Give a tree of dictionaries, lists and numbers with all of its tensors; every process must ask."""
    if isinstance(tree, Tensor):
        return whole(tree)
    if isinstance(tree, Mapping):
        return {key: whole_tree(each) for key, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(whole_tree(each) for each in tree)
    return tree


@torch.no_grad()
def assign(into: Tensor, values: Tensor) -> None:
    """Copy whole values into a tensor, of which this process may have a part."""
    into.copy_(share_out(values, into))


def share_out_states(optimiser: Optimizer) -> None:
    """Share the whole states that an optimiser was given out as its parameters are."""
    for parameter, state in optimiser.state.items():
        for name, value in state.items():
            fits = isinstance(value, Tensor) and value.shape == parameter.shape
            if fits and is_shared_out(parameter) and not is_shared_out(value):
                state[name] = share_out(value, parameter)


def share_out(values: Tensor, like: Any) -> Tensor:
    """Bring whole values to where another tensor is, as this process has that."""
    if not is_shared_out(like):
        return values.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(values.to(like.device), like.device_mesh, like.placements)
