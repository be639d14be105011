"""Linear layers of the normalised state of each node, which keep the state alone for the gradient.

A normalised state is as large as the state itself, and cheap to compute again: a block of nodes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import exact_in_blocks, in_blocks
from .gradients import Gradients
from .normalisation import Norm, on_nodes

Affine = tuple[Tensor, "Tensor | None"]
"""The weight of a linear layer ``(out channels, channels)``, and its bias ``(out channels,)`` or None."""


def normed_linear(
    x: Tensor, norm: Norm, layers: Sequence[Affine], condition: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Apply linear layers to ``norm(x, condition)``, and on a CPU keep nothing for the gradient but ``x``.

    That is in eager mode, in float32 or more, with no condition on nodes. There is no second derivative.

    Parameters
    ----------
    x
        ``(batch, nodes, channels)``.
    norm
        What the layers see of it.
    layers
        Weight and bias of each.
    condition
        ``(batch, condition_channels)``, at each node ``(batch, nodes, condition_channels)``, or None.

    Returns
    -------
    tuple of Tensor
        ``(batch, nodes, out channels)`` of each layer.

    Raises
    ------
    ConfigError
        If ``condition`` is not what the norm was built for.
    """
    weights = [each for layer in layers for each in layer]
    if torch.is_grad_enabled() and exact_in_blocks(x) and not on_nodes(condition):
        return in_blocks(_NormedLinear(norm, x.shape[-1]), [x], [condition, *weights])
    normed = norm(x, condition)
    return tuple(F.linear(normed, weight, bias) for weight, bias in layers)


class _NormedLinear(nn.Module):
    """Weights and biases, in turn, are what the condition is: the same for all rows."""

    def __init__(self, norm: Norm, width: int) -> None:
        super().__init__()
        self.norm, self.width = norm, width

    def block(
        self,
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: list[Tensor] | None,
        out: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """See :meth:`.RowWise.block`."""
        condition, *weights = shared
        normed = self.norm(states[0], condition)
        return [F.linear(normed, *layer) for layer in _pairs(weights)]

    def block_back(
        self,
        gradients: Sequence[Tensor],
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: Sequence[Tensor],
        totals: Gradients,
    ) -> list[Tensor]:
        """See :meth:`.RowWise.block_back`."""
        condition, *weights = shared

        def of_normed(normed: Tensor) -> Tensor:
            total = torch.zeros_like(normed).flatten(0, -2)
            for gradient, (weight, bias) in zip(gradients, _pairs(weights), strict=True):
                totals.add_affine(weight, bias, normed, gradient)
                total.addmm_(gradient.flatten(0, -2), weight)
            return total.view_as(normed)

        return [totals.through(self.norm, states[0], condition, of_normed)]


def _pairs(weights: Sequence[Tensor | None]) -> list[Affine]:
    return list(zip(weights[::2], weights[1::2], strict=True))  # type: ignore[arg-type]


def affine(linear: nn.Linear) -> Affine:
    """The weight and the bias of a linear layer."""
    return linear.weight, linear.bias
