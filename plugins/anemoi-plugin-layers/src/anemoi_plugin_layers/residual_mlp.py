"""An MLP of the normalised state of each node, added to it, a block of nodes at a time.

The hidden state of such an MLP is several times as wide as what goes in and comes out. As it is and
activated it would be the most of what a layer keeps for the gradient; on a CPU, asking the system for such
memory takes about as long as filling it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import exact_in_blocks, in_blocks
from .gradients import Gradients
from .mlp import MLP
from .normalisation import Norm, on_nodes


def add_mlp(x: Tensor, norm: Norm, mlp: MLP, condition: Tensor | None = None) -> Tensor:
    """Give ``x + mlp(norm(x, condition))``, and on a CPU keep nothing for the gradient but ``x``.

    That is in eager mode, in float32 or more, with no condition on nodes. The hidden state then never is
    there as a whole: it is computed a block of nodes at a time, in the cache, and once more for the gradient,
    where that takes an eighth of the time of the MLP. There is no second derivative.

    Parameters
    ----------
    x
        ``(batch, nodes, channels)``.
    norm
        What the MLP sees of it.
    mlp
        From ``channels`` to as many.
    condition
        ``(batch, condition_channels)``, at each node ``(batch, nodes, condition_channels)``, or None.

    Returns
    -------
    Tensor
        ``(batch, nodes, channels)``.

    Raises
    ------
    ConfigError
        If ``condition`` is not what the norm was built for.
    """
    if on_nodes(condition) or not exact_in_blocks(x):
        return x + mlp(norm(x, condition))  # type: ignore[no-any-return]
    return in_blocks(_AddMLP(norm, mlp), [x], [condition])[0]


class _AddMLP(nn.Module):
    """Keeps nothing: all but the last layer is run again for the gradient."""

    def __init__(self, norm: Norm, mlp: MLP) -> None:
        super().__init__()
        self.hidden, self.out = _Hidden(norm, mlp), mlp.out
        self.width = mlp.first.out_features

    def block(
        self,
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: list[Tensor] | None,
        out: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """See :meth:`.RowWise.block`."""
        change = self.out(self.hidden(states[0], shared[0]))
        return [torch.add(states[0], change, out=None if out is None else out[0])]

    def block_back(
        self,
        gradients: Sequence[Tensor],
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: Sequence[Tensor],
        totals: Gradients,
    ) -> list[Tensor]:
        """See :meth:`.RowWise.block_back`."""
        (gradient,) = gradients
        found = totals.through(
            self.hidden, states[0], shared[0], lambda hidden: totals.linear(self.out, hidden, gradient)
        )
        return [found.add_(gradient)]


class _Hidden(nn.Module):
    """All but the last layer of the MLP, of the normalised state."""

    def __init__(self, norm: Norm, mlp: MLP) -> None:
        super().__init__()
        self.norm, self.layers = norm, mlp.hidden

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        hidden: Tensor = self.norm(x, condition)
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden
