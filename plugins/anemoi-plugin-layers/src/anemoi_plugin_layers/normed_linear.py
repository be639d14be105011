"""Linear layers of the normalised state of each node, which keep the state alone for the gradient.

A normalised state is as large as the state itself, and cheap to compute again: a block of nodes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn import functional as F

from .node_blocks import blocks_of_nodes, runs_in_blocks
from .normalisation import Norm

Affine = tuple[Tensor, "Tensor | None"]
"""The weight of a linear layer ``(out channels, channels)``, and its bias ``(out channels,)`` or None."""


def normed_linear(
    x: Tensor, norm: Norm, layers: Sequence[Affine], condition: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Apply linear layers to ``norm(x, condition)``, and on a CPU keep nothing for the gradient but ``x``.

    That is in eager mode, in float32 or more. There is no second derivative.

    Parameters
    ----------
    x
        ``(batch, nodes, channels)``.
    norm
        What the layers see of it.
    layers
        Weight and bias of each.
    condition
        ``(batch, condition_channels)``, or None.

    Returns
    -------
    tuple of Tensor
        ``(batch, nodes, out channels)`` of each layer.

    Raises
    ------
    ConfigError
        If ``condition`` is not what the norm was built for.
    """
    if not (runs_in_blocks(x) and torch.is_grad_enabled()):
        normed = norm(x, condition)
        return tuple(F.linear(normed, weight, bias) for weight, bias in layers)
    flat = [each for layer in layers for each in layer]
    return _NormedLinear.apply(norm, len(layers), x, condition, *flat, *norm.parameters())  # type: ignore[no-any-return, no-untyped-call]


class _NormedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, norm: Norm, count: int, x: Tensor, condition: Tensor | None, *parameters: Any
    ) -> tuple[Tensor, ...]:
        ctx.norm, ctx.count = norm, count
        ctx.save_for_backward(x, condition, *parameters)
        normed, flat = norm(x, condition), parameters[: 2 * count]
        return tuple(F.linear(normed, *layer) for layer in zip(flat[::2], flat[1::2], strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, condition, *parameters = ctx.saved_tensors
        end = 2 * ctx.count
        flat, of_norm = parameters[:end], parameters[end:]
        needed = ctx.needs_input_grad[3:]
        totals: list[Any] = [
            torch.zeros_like(each) if need else None
            for each, need in zip((condition, *parameters), needed, strict=True)
        ]
        # With the weights that were used, which need not be those that the norm has by now.
        names = [name for name, _ in ctx.norm.named_parameters()]
        leaves: list[Any] = [
            None if each is None else each.detach().requires_grad_() for each in (condition, *of_norm)
        ]
        as_used = dict(zip(names, leaves[1:], strict=True))
        wanted = [
            (leaf, total)
            for leaf, total in zip(leaves, (totals[0], *totals[1 + end :]), strict=True)
            if leaf is not None and total is not None
        ]
        of_x = torch.empty_like(x)
        for block in blocks_of_nodes(x, x.shape[-1]):
            leaf = x[block].detach().requires_grad_()
            with torch.enable_grad():
                at_block = None if condition is None else leaves[0][block[0]]
                normed = functional_call(ctx.norm, as_used, (leaf, at_block))
            rows = normed.detach().flatten(0, -2)
            of_normed = torch.zeros_like(rows)
            for index, gradient in enumerate(gradients):
                of_rows = gradient[block].flatten(0, -2)
                of_normed.addmm_(of_rows, flat[2 * index])
                of_weight, of_bias = totals[1 + 2 * index : 3 + 2 * index]
                if of_weight is not None:
                    of_weight.addmm_(of_rows.T, rows)
                if of_bias is not None:
                    of_bias += of_rows.sum(0)
            own, *shares = torch.autograd.grad(
                normed, [leaf, *(each for each, _ in wanted)], of_normed.view_as(normed)
            )
            of_x[block] = own
            for (_, total), share in zip(wanted, shares, strict=True):
                total += share
        return None, None, of_x, *totals


def affine(linear: nn.Linear) -> Affine:
    """The weight and the bias of a linear layer."""
    return linear.weight, linear.bias
