"""An MLP of nodes, a block of them at a time, for the same reasons as edges are taken so."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from anemoi_plugin_layers.blocks import in_blocks
from anemoi_plugin_layers.gradients import Gradients
from torch import Tensor

from .edge_blocks import Backend, runs_in_blocks
from .mlp import MLPOptions, NormedMLP


class NodeMLP(NormedMLP):
    """An MLP of the state of each node, or of two side by side, and added to the first if that is asked for.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels, options, condition_channels
        As for :class:`~.mlp.NormedMLP`.
    residual
        Whether the result is added to the first state.
    backend
        As for :class:`~.processor.GNNProcessor`.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        options: MLPOptions,
        *,
        condition_channels: int = 0,
        residual: bool = False,
        backend: Backend,
    ) -> None:
        super().__init__(
            in_channels, hidden_channels, out_channels, options, condition_channels=condition_channels
        )
        self.residual, self.backend = residual, backend

    @property
    def width(self) -> int:
        """Of the hidden states of a node."""
        return self.first.out_features

    def forward(self, x: Tensor, condition: Tensor | None = None, *, beside: Tensor | None = None) -> Tensor:
        """``(batch, nodes, channels)``, and as much beside it, to ``(batch, nodes, out_channels)``."""
        states = (x,) if beside is None else (x, beside)
        if not runs_in_blocks(self.backend, x):
            return self._of(states, condition)
        return in_blocks(self, states, [condition])[0]

    def block(
        self,
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: list[Tensor] | None,
        out: Sequence[Tensor] | None,
    ) -> list[Tensor]:
        """Keep what linear layers give; see :meth:`anemoi_plugin_layers.blocks.RowWise.block`."""
        products: list[Tensor] | None = None if kept is None else []
        new = self._of(states, shared[0], products)
        if kept is not None and products is not None:
            kept += products[1:] if self._embeds else products
        return [new]

    @property
    def _embeds(self) -> bool:
        """Whether less comes in than goes out: the first product is then cheap to compute again."""
        return self.first.in_features < self.out.out_features

    def _of(
        self, states: Sequence[Tensor], condition: Tensor | None, kept: list[Tensor] | None = None
    ) -> Tensor:
        change = self.after_first(self.first(_side_by_side(states)), condition, kept)
        return states[0] + change if self.residual else change

    def block_back(
        self,
        gradients: Sequence[Tensor],
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: Sequence[Tensor],
        totals: Gradients,
    ) -> list[Tensor]:
        """See :meth:`anemoi_plugin_layers.blocks.RowWise.block_back`."""
        (gradient,) = gradients
        before = _side_by_side(states)
        products = (self.first(before), *kept) if self._embeds else kept
        d_product = self.backward(gradient, shared[0], products, totals)
        d_states = totals.linear(self.first, before, d_product)
        first, *others = torch.split(d_states, [state.shape[-1] for state in states], dim=-1)
        return [first + gradient if self.residual else first, *others]


def _side_by_side(states: Sequence[Tensor]) -> Tensor:
    return states[0] if len(states) == 1 else torch.cat(tuple(states), dim=-1)
