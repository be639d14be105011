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
from torch.func import functional_call

from .mlp import MLP
from .node_blocks import blocks_of_nodes, runs_in_blocks
from .normalisation import Norm


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
    given = (norm, mlp, x, condition)
    if not torch.is_grad_enabled():
        return _add(*given)
    return _AddMLP.apply(*given, *norm.parameters(), *mlp.parameters())  # type: ignore[no-any-return, no-untyped-call]


class _AddMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, norm: Norm, mlp: MLP, x: Tensor, condition: Tensor | None, *parameters: Tensor
    ) -> Tensor:
        ctx.back = _Back(norm, mlp)
        ctx.save_for_backward(x, condition, *parameters)
        return _add(norm, mlp, x, condition)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, condition, *parameters = ctx.saved_tensors
        # With the weights that were used, which need not be those that the modules have by now.
        used = dict(zip(dict(ctx.back.named_parameters()), parameters, strict=True))
        found = functional_call(ctx.back, used, (gradient, x, condition))
        return None, None, *(found.get(name) for name in ("x", "condition", *used))


def _add(norm: Norm, mlp: MLP, x: Tensor, condition: Tensor | None) -> Tensor:
    result = torch.empty_like(x)
    for block in blocks_of_nodes(x, mlp.first.out_features):
        torch.add(x[block], mlp(norm(x[block], _at(block, condition))), out=result[block])
    return result


class _Back(nn.Module):
    """The way back through norm, MLP and sum, as what a module does."""

    def __init__(self, norm: Norm, mlp: MLP) -> None:
        super().__init__()
        self.norm, self.mlp = norm, mlp

    def forward(self, gradient: Tensor, x: Tensor, condition: Tensor | None) -> dict[str, Tensor]:
        """Give the gradients that are wanted, by name, and that of ``x``."""
        out = self.mlp.out
        given = {"condition": condition, **dict(self.named_parameters())}
        wanted = {name: each for name, each in given.items() if each is not None and each.requires_grad}
        total = {name: torch.zeros_like(each) for name, each in wanted.items()}
        within = {name: each for name, each in wanted.items() if not name.startswith("mlp.out.")}
        of_x = torch.empty_like(x)
        for block in blocks_of_nodes(x, self.mlp.first.out_features):
            leaf = x[block].detach().requires_grad_()
            with torch.enable_grad():
                hidden = self.norm(leaf, _at(block, condition))
                for layer in self.mlp.hidden:
                    hidden = layer(hidden)
            rows = gradient[block].flatten(0, -2)
            if out.weight.requires_grad:
                total["mlp.out.weight"].addmm_(rows.T, hidden.detach().flatten(0, -2))
            if out.bias.requires_grad:
                total["mlp.out.bias"] += rows.sum(0)
            own, *shares = torch.autograd.grad(hidden, [leaf, *within.values()], gradient[block] @ out.weight)
            torch.add(gradient[block], own, out=of_x[block])
            for name, share in zip(within, shares, strict=True):
                total[name] += share
        return {"x": of_x, **total}


def _at(block: tuple[slice, slice], condition: Tensor | None) -> Tensor | None:
    """The condition of a block."""
    return None if condition is None else condition[block[0]]
