"""The way back through a part of a layer that is run again, a block of nodes at a time.

For the gradient only what goes in is kept: what is made on the way is larger, and cheap to compute again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .node_blocks import Block, blocks_of_nodes


def way_back(
    part: nn.Module,
    x: Tensor,
    condition: Tensor | None,
    parameters: Sequence[Tensor],
    of_result: Callable[[Block, Tensor], Tensor],
    *,
    width: int,
    skipped: Tensor | None = None,
) -> tuple[Tensor | None, ...]:
    """Take a gradient back through ``part(x, condition)``.

    Parameters
    ----------
    part
        From ``(batch, nodes, channels)`` and the condition to ``(batch, nodes, width)``.
    x, condition
        What went in.
    parameters
        Those of ``part`` when it was used, which need not be those that it has by now.
    of_result
        Gives the gradient of what came out, for a block of nodes and what came out for these. It may add to
        the gradients of what follows the part on its way.
    width
        How many channels the widest tensor of a block has.
    skipped
        The gradient that reaches ``x`` past the part, ``(batch, nodes, channels)``.

    Returns
    -------
    tuple
        The gradients of ``x``, of the condition and of each parameter; None where it needs none.
    """
    back = _WayBack(part, of_result, width)
    names = [name for name, _ in back.named_parameters()]
    used = dict(zip(names, parameters, strict=True))
    found = functional_call(back, used, (x, condition, skipped))
    return tuple(found.get(name) for name in ("x", "condition", *names))


def add_linear(of_weight: Tensor | None, of_bias: Tensor | None, gradient: Tensor, x: Tensor) -> None:
    """Add the share of some rows to the gradients of a linear layer, where these are asked for.

    Parameters
    ----------
    of_weight, of_bias
        What is added to, ``(out channels, channels)`` and ``(out channels,)``.
    gradient
        Of what came out, ``(rows, out channels)``.
    x
        What went in, ``(rows, channels)``.
    """
    if of_weight is not None:
        of_weight.addmm_(gradient.T, x)
    if of_bias is not None:
        of_bias.add_(gradient.sum(0))


class _WayBack(nn.Module):
    """The way back as what a module does, so that ``functional_call`` can give it the weights of before."""

    def __init__(self, part: nn.Module, of_result: Callable[[Block, Tensor], Tensor], width: int) -> None:
        super().__init__()
        self.part, self.of_result, self.width = part, of_result, width

    def forward(self, x: Tensor, condition: Tensor | None, skipped: Tensor | None) -> dict[str, Tensor]:
        """Give the gradients that are wanted, by name, and that of ``x``."""
        given = {"condition": condition, **dict(self.named_parameters())}
        wanted = {name: each for name, each in given.items() if each is not None and each.requires_grad}
        total = {name: torch.zeros_like(each) for name, each in wanted.items()}
        of_x = torch.empty_like(x)
        for block in blocks_of_nodes(x, self.width):
            leaf = x[block].detach().requires_grad_()
            with torch.enable_grad():
                result = self.part(leaf, None if condition is None else condition[block[0]])
            gradient = self.of_result(block, result.detach())
            own, *shares = torch.autograd.grad(result, [leaf, *wanted.values()], gradient)
            of_x[block] = own if skipped is None else own.add_(skipped[block])
            for name, share in zip(wanted, shares, strict=True):
                total[name] += share
        return {"x": of_x, **total}
