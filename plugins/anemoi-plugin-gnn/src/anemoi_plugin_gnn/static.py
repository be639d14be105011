"""A graph convolution that remembers, for a forecast, what does not depend on the state."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from anemoi_plugin_layers.blocks import blocks_of
from torch import Tensor

from .conv import GraphConv
from .edge_blocks import edges_in_blocks, row_bytes


@dataclass(frozen=True)
class _Remembered:
    made_from: tuple[Tensor, ...]
    precision: torch.dtype | None
    edges: Tensor  # (1, edges, channels + hidden), their states, and what the first layer makes of these

    def holds(self, inputs: tuple[Tensor, ...], precision: torch.dtype | None) -> bool:
        """Whether it would come out the same; the values tell, since a weight may change unseen."""
        return precision == self.precision and all(
            new.dtype == old.dtype and torch.equal(new, old)
            for new, old in zip(inputs, self.made_from, strict=True)
        )


class StaticGraphConv(GraphConv):
    """A graph convolution whose edges come in with the same features every time.

    In evaluation mode and without gradients, what its MLPs make of them is computed once, and again when a
    weight has changed. It takes as much memory as two states of each edge, until ``train()`` is called.
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
        at_nodes = self.at_nodes(target_state, source_state)
        return edges_in_blocks(
            self._update_static,
            self._static(edges, at_nodes[0]),
            *at_nodes,
            condition,
            target,
            source,
            keep_edges=self.keep_edges,
        )

    def _update_static(
        self,
        edges: Tensor,
        at_target: Tensor,
        at_source: Tensor,
        condition: Tensor | None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Do as :meth:`.GraphConv.update`, given what is remembered of the edges."""
        state, at_edges = edges[..., : self.channels], edges[..., self.channels :]
        product = at_target.add_(at_source).add_(at_edges)
        return torch.add(state, self.mlp.after_first(product, condition), out=out)

    def _static(self, edges: Tensor, at_nodes: Tensor) -> Tensor:
        inputs = (edges, *self.parameters())
        device = edges.device.type
        precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        if self._remembered is None or not self._remembered.holds(inputs, precision):
            self._remembered = None  # Its memory is free before that of the next is taken.
            assert self.embed is not None
            made: list[Tensor] = []
            for part in blocks_of(row_bytes(at_nodes), edges.shape[1]):
                state = self.embed(edges[:, part])
                made.append(torch.cat([state, self.at_edges(state)], dim=-1))
            made_from = tuple(each.detach().clone() for each in inputs)
            self._remembered = _Remembered(made_from, precision, torch.cat(made, dim=1))
        return self._remembered.edges
