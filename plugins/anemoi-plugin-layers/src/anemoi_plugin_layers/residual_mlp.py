"""An MLP of the normalised state of each node, added to it, a block of nodes at a time.

The hidden state of such an MLP is several times as wide as what goes in and comes out. As it is and
activated it would be the most of what a layer keeps for the gradient; on a CPU, asking the system for such
memory takes about as long as filling it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .mlp import MLP
from .node_blocks import Block, blocks_of_nodes, runs_in_blocks
from .normalisation import Norm
from .way_back import add_linear, way_back


def add_mlp(x: Tensor, norm: Norm, mlp: MLP, condition: Tensor | None = None) -> Tensor:
    """Give ``x + mlp(norm(x, condition))``, and on a CPU keep nothing for the gradient but ``x``.

    That is in eager mode, in float32 or more. The hidden state then never is there as a whole: it is
    computed a block of nodes at a time, in the cache, and once more for the gradient, where that takes an
    eighth of the time of the MLP. There is no second derivative.

    Parameters
    ----------
    x
        ``(batch, nodes, channels)``.
    norm
        What the MLP sees of it.
    mlp
        From ``channels`` to as many.
    condition
        ``(batch, condition_channels)``, or None.

    Returns
    -------
    Tensor
        ``(batch, nodes, channels)``.

    Raises
    ------
    ConfigError
        If ``condition`` is not what the norm was built for.
    """
    if not runs_in_blocks(x):
        return x + mlp(norm(x, condition))  # type: ignore[no-any-return]
    if not torch.is_grad_enabled():
        return _add(norm, mlp, x, condition)
    hidden, out = _Hidden(norm, mlp), mlp.out
    return _AddMLP.apply(norm, mlp, x, condition, out.weight, out.bias, *hidden.parameters())  # type: ignore[no-any-return, no-untyped-call]


class _AddMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, norm: Norm, mlp: MLP, x: Tensor, condition: Tensor | None, *parameters: Tensor
    ) -> Tensor:
        ctx.norm, ctx.mlp = norm, mlp
        ctx.save_for_backward(x, condition, *parameters)
        return _add(norm, mlp, x, condition)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, condition, weight, bias, *of_hidden = ctx.saved_tensors
        of_weight, of_bias = (
            torch.zeros_like(each) if need else None
            for each, need in zip((weight, bias), ctx.needs_input_grad[4:6], strict=True)
        )

        def of_result(block: Block, hidden: Tensor) -> Tensor:
            add_linear(of_weight, of_bias, gradient[block].flatten(0, -2), hidden.flatten(0, -2))
            of_block: Tensor = gradient[block] @ weight
            return of_block

        part, width = _Hidden(ctx.norm, ctx.mlp), ctx.mlp.first.out_features
        of_x, of_condition, *rest = way_back(
            part, x, condition, of_hidden, of_result, width=width, skipped=gradient
        )
        return None, None, of_x, of_condition, of_weight, of_bias, *rest


class _Hidden(nn.Module):
    """All but the last layer of the MLP, of the normalised state."""

    def __init__(self, norm: Norm, mlp: MLP) -> None:
        super().__init__()
        self.norm, self.hidden = norm, mlp.hidden

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        hidden: Tensor = self.norm(x, condition)
        for layer in self.hidden:
            hidden = layer(hidden)
        return hidden


def _add(norm: Norm, mlp: MLP, x: Tensor, condition: Tensor | None) -> Tensor:
    result = torch.empty_like(x)
    for block in blocks_of_nodes(x, mlp.first.out_features):
        at_block = None if condition is None else condition[block[0]]
        torch.add(x[block], mlp(norm(x[block], at_block)), out=result[block])
    return result
