"""Linear layers of the normalised state of each node, which keep the state alone for the gradient.

A normalised state is as large as the state itself, and cheap to compute again: a block of nodes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .node_blocks import Block, runs_in_blocks
from .normalisation import Norm
from .way_back import add_linear, way_back

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
        of_flat = [
            torch.zeros_like(each) if need else None
            for each, need in zip(flat, ctx.needs_input_grad[4:], strict=False)
        ]

        def of_normed(block: Block, normed: Tensor) -> Tensor:
            rows = normed.flatten(0, -2)
            total = torch.zeros_like(rows)
            each = zip(gradients, flat[::2], of_flat[::2], of_flat[1::2], strict=True)
            for gradient, weight, of_weight, of_bias in each:
                of_rows = gradient[block].flatten(0, -2)
                total.addmm_(of_rows, weight)
                add_linear(of_weight, of_bias, of_rows, rows)
            return total.view_as(normed)

        of_x, of_condition, *rest = way_back(ctx.norm, x, condition, of_norm, of_normed, width=x.shape[-1])
        return None, None, of_x, of_condition, *of_flat, *rest


def affine(linear: nn.Linear) -> Affine:
    """The weight and the bias of a linear layer."""
    return linear.weight, linear.bias
