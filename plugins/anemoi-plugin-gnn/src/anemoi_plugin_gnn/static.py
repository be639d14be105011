"""A graph convolution that remembers, for a forecast, what does not depend on the state."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .blocks import blocks_of, in_blocks
from .conv import GraphConv


@dataclass(frozen=True)
class _Remembered:
    made_from: tuple[Tensor, ...]
    precision: torch.dtype | None
    at_edges: Tensor  # (1, edges, hidden channels), what the first layer of the MLP makes of the edges
    summed: Tensor  # (1, target nodes, channels), the sums of their states

    def holds(self, inputs: tuple[Tensor, ...], precision: torch.dtype | None) -> bool:
        """Whether it would come out the same; the values tell, since a weight may change unseen."""
        return precision == self.precision and all(
            new.dtype == old.dtype and torch.equal(new, old)
            for new, old in zip(inputs, self.made_from, strict=True)
        )


class StaticGraphConv(GraphConv):
    """A graph convolution whose edges come in with the same features every time, and are not asked for.

    In evaluation mode and without gradients, what its MLPs make of them is computed once, and again when a
    weight has changed. It takes as much memory as one state of each edge, until ``train()`` is called.
    """

    _remembered: _Remembered | None = None

    def train(self, mode: bool = True) -> StaticGraphConv:
        """Forget what was remembered, and do as :meth:`torch.nn.Module.train` does."""
        self._remembered = None
        return super().train(mode)

    def forward(
        self,
        edges: Tensor,
        target_state: Tensor,
        source_state: Tensor,
        condition: Tensor | None,
        target: Tensor,
        source: Tensor,
    ) -> tuple[Tensor | None, Tensor]:
        """See :meth:`.GraphConv.forward`."""
        if self.training or torch.is_grad_enabled() or not self.runs_in_blocks(edges):
            return super().forward(edges, target_state, source_state, condition, target, source)
        static = self._static(edges, target, target_state.shape[1])
        at_nodes = self.at_nodes(target_state, source_state)
        _, summed = in_blocks(
            self._message, static.at_edges, *at_nodes, condition, target, source, keep_edges=False
        )
        return None, static.summed + summed

    def _message(
        self, at_edges: Tensor, at_target: Tensor, at_source: Tensor, condition: Tensor | None
    ) -> Tensor:
        return self.mlp.after_first(at_target.add_(at_source).add_(at_edges), condition)

    def _static(self, edges: Tensor, target: Tensor, num_targets: int) -> _Remembered:
        inputs = (edges, *self.parameters())
        device = edges.device.type
        precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        if self._remembered is None or not self._remembered.holds(inputs, precision):
            self._remembered = None  # Its memory is free before that of the next is taken.
            assert self.embed is not None
            at_edges: list[Tensor] = []
            summed = edges.new_zeros(1, num_targets, self.channels)
            for part in blocks_of(summed, len(target)):
                state = self.embed(edges[:, part])
                at_edges.append(self.at_edges(state))
                summed.index_add_(1, target[part], state.type_as(summed))
            made_from = tuple(each.detach().clone() for each in inputs)
            self._remembered = _Remembered(made_from, precision, torch.cat(at_edges, dim=1), summed)
        return self._remembered
