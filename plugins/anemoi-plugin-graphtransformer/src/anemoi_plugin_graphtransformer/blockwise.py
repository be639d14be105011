"""An MLP taken a block of nodes at a time, so that its wide hidden state stays in the cache.

The hidden state is the largest tensor of these layers, and as it is and activated it would be kept for the
gradient; on a CPU, asking the system for such memory takes about as long as filling it. Here it is kept once,
before the activation, and not at all where no gradient is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from anemoi.core.layers import MLP
from torch import Tensor
from torch.autograd.function import once_differentiable

_VALUES = 2**19
"""How many values of the hidden state make a block: 2 MB in float32, and no less than a product of matrices
needs to be at its best."""


def run_mlp(mlp: MLP, x: Tensor) -> Tensor:
    """Give what ``mlp(x)`` gives, in blocks where that pays.

    That is on a CPU in eager mode, in float32 or more, with a single hidden layer.
    """
    plain = len(mlp.hidden) == 1 and x.device.type == "cpu" and not torch.compiler.is_compiling()
    if not plain or torch.is_autocast_enabled("cpu"):
        return mlp(x)  # type: ignore[no-any-return]
    activate, out = mlp.hidden[0].activate, mlp.out
    keep = torch.is_grad_enabled()
    result = _Blocks.apply(  # type: ignore[no-untyped-call]
        activate, keep, x.flatten(0, -2), mlp.first.weight, mlp.first.bias, out.weight, out.bias
    )
    return result.view(*x.shape[:-1], -1)  # type: ignore[no-any-return]


class _Blocks(torch.autograd.Function):
    """From ``(rows, channels)`` to ``(rows, channels_out)``."""

    @staticmethod
    def forward(
        ctx: Any,
        activate: Callable[[Tensor], Tensor],
        keep: bool,
        x: Tensor,
        weight_in: Tensor,
        bias_in: Tensor,
        weight_out: Tensor,
        bias_out: Tensor,
    ) -> Tensor:
        hidden = x.new_empty(len(x) if keep else 0, len(weight_in))
        result = x.new_empty(len(x), len(weight_out))
        for rows in _blocks(x, weight_in):
            product = torch.addmm(bias_in, x[rows], weight_in.T, out=hidden[rows] if keep else None)
            torch.addmm(bias_out, activate(product), weight_out.T, out=result[rows])
        ctx.activate = activate
        ctx.save_for_backward(x, hidden, weight_in, weight_out)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, hidden, weight_in, weight_out = ctx.saved_tensors
        gradient, of_x = gradient.contiguous(), torch.empty_like(x)
        of_in, of_out = torch.zeros_like(weight_in), torch.zeros_like(weight_out)
        of_bias = weight_in.new_zeros(len(weight_in))
        for rows in _blocks(x, weight_in):
            with torch.enable_grad():
                product = hidden[rows].detach().requires_grad_()
                active = ctx.activate(product)
            (of_product,) = torch.autograd.grad(active, product, gradient[rows] @ weight_out)
            of_out.addmm_(gradient[rows].T, active.detach())
            of_in.addmm_(of_product.T, x[rows])
            of_bias += of_product.sum(0)
            torch.mm(of_product, weight_in, out=of_x[rows])
        return None, None, of_x, of_in, of_bias, of_out, gradient.sum(0)


def _blocks(x: Tensor, weight: Tensor) -> Iterator[slice]:
    """Slices of so many rows that their hidden states are a block."""
    count = max(1, _VALUES // len(weight))
    for start in range(0, len(x), count):
        yield slice(start, start + count)
