"""Graph convolution: a message along each edge from the nodes at its ends, and their sum at each target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from anemoi_plugin_layers.blocks import blocks_of, uncompiled
from anemoi_plugin_layers.gradients import Autocast, Gradients, with_weights
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .edge_blocks import Backend, add_rows, all_at_once, edges_in_blocks, rows_at, runs_in_blocks
from .mlp import MLPOptions, NormedMLP


class GraphConv(nn.Module):
    """Updates the state of each edge, and sums it at each target node.

    An edge becomes ``edge + MLP([target, source, edge])`` (Battaglia et al., "Relational inductive biases,
    deep learning, and graph networks", 2018). The first layer of that MLP is linear, so it is applied to
    nodes and edges by themselves and its products are gathered and added: there are several times as many
    edges as nodes.

    Parameters
    ----------
    channels
        The size of the state of a node and of an edge.
    embed
        What makes the states of edges from their features; None where they come in as states already.
    keep_edges
        Whether the new states of the edges are asked for, beside their sums.
    options
        Of the MLP.
    condition_channels, backend
        As for :class:`~.processor.GNNProcessor`.
    """

    def __init__(
        self,
        channels: int,
        options: MLPOptions,
        *,
        embed: NormedMLP | None,
        keep_edges: bool,
        condition_channels: int,
        backend: Backend,
    ) -> None:
        super().__init__()
        self.channels, self.keep_edges, self.backend = channels, keep_edges, backend
        self.condition_channels = condition_channels
        self.embed = embed
        self.mlp = NormedMLP(3 * channels, channels, channels, options, condition_channels=condition_channels)

    def forward(
        self,
        edges: Tensor,
        target_state: Tensor,
        source_state: Tensor,
        condition: Tensor | None,
        target: Tensor,
        source: Tensor,
    ) -> tuple[Tensor | None, Tensor]:
        """Send messages.

        Parameters
        ----------
        edges
            ``(batch, edges, channels)`` states, or ``(1, edges, features)`` with ``embed``.
        target_state, source_state
            ``(batch, nodes, channels)`` at either end.
        condition
            ``(batch, condition_channels)``, or None.
        target, source
            ``(edges,)``, where each edge ends and begins.

        Returns
        -------
        Tensor or None, Tensor
            The new states of the edges if ``keep_edges``, and their sums ``(batch, target nodes, channels)``.
        """
        at_nodes = self.at_nodes(target_state, source_state)
        return self.along_edges(edges, *at_nodes, condition, target, source)

    def along_edges(
        self,
        edges: Tensor,
        at_target: Tensor,
        at_source: Tensor,
        condition: Tensor | None,
        target: Tensor,
        source: Tensor,
    ) -> tuple[Tensor | None, Tensor]:
        """Do as :meth:`forward`, given what the first layer of the MLP makes of the nodes."""
        inputs = (edges, at_target, at_source, condition)
        if not self.runs_in_blocks(edges):
            return all_at_once(self.update, *inputs, target, source)
        if torch.is_grad_enabled():
            return _with_gradients(self, *inputs, target, source)
        # Without gradients nobody but the next layer needs the states that came in.
        keep, overwrite = self.keep_edges, self.embed is None
        return edges_in_blocks(self.update, *inputs, target, source, keep_edges=keep, overwrite=overwrite)

    def update(
        self,
        edges: Tensor,
        at_target: Tensor,
        at_source: Tensor,
        condition: Tensor | None,
        kept: list[Tensor] | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Update the states of edges, given what the first layer makes of the nodes at their ends.

        What :meth:`backward` needs beside ``edges`` is put into ``kept``; it embeds them once more, because
        that is a small part of the work, and what it needs half of the memory. The result is put into
        ``out`` if there is one.
        """
        state = edges if self.embed is None else self.embed(edges)
        product = self._add_at_edges(at_target.add_(at_source), state)  # What was gathered is ours alone.
        return torch.add(state, self.mlp.after_first(product, condition, kept), out=out)

    def backward(
        self,
        gradient: Tensor,
        edges: Tensor,
        condition: Tensor | None,
        kept: Sequence[Tensor],
        totals: Gradients,
        out: Tensor | None = None,
    ) -> Tensor:
        """Take a gradient back through :meth:`update`.

        That of ``edges`` is put into ``out``, if it is asked for.

        Returns
        -------
        Tensor
            The gradient of what came from each node.
        """
        edge_columns = slice(2 * self.channels, None)
        d_product = self.mlp.backward(gradient, condition, kept, totals)
        if self.embed is None:
            d_edges = totals.linear(self.mlp.first, edges, d_product, columns=edge_columns)
            torch.add(d_edges, gradient, out=out)
            return d_product
        # From here on there is one of each edge, for all the batch.
        d_once = d_product.sum(0, keepdim=True)
        of_embed: list[Tensor] = []
        state = self.embed.after_first(self.embed.first(edges), kept=of_embed)
        d_state = totals.linear(self.mlp.first, state, d_once, columns=edge_columns)
        d_state = d_state.add_(gradient.sum(0, keepdim=True))
        d_embedded = self.embed.backward(d_state, None, of_embed, totals)
        d_edges = totals.linear(self.embed.first, edges, d_embedded)
        if out is not None:
            out.copy_(d_edges)
        return d_product

    def at_nodes(self, target_state: Tensor, source_state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the first layer of the MLP to the states of the nodes at either end."""
        weight, bias = self.mlp.first.weight, self.mlp.first.bias
        to_target, to_source = weight[:, : self.channels], weight[:, self.channels : 2 * self.channels]
        return F.linear(target_state, to_target, bias), F.linear(source_state, to_source)

    def at_edges(self, state: Tensor) -> Tensor:
        """Apply the first layer of the MLP to the states of edges."""
        return F.linear(state, self._edge_weight)

    def _add_at_edges(self, product: Tensor, state: Tensor) -> Tensor:
        """Add :meth:`at_edges` to ``product`` in place, as a part of the multiplication where that can be."""
        weight = self._edge_weight
        alike = product.shape == state.shape and product.dtype == state.dtype == weight.dtype
        if not alike or torch.compiler.is_compiling():  # A compiler has better to do with the sum.
            return product.add_(self.at_edges(state))
        return product.baddbmm_(state, weight.T.expand(len(state), -1, -1))

    @property
    def _edge_weight(self) -> Tensor:
        return self.mlp.first.weight[:, 2 * self.channels :]

    def runs_in_blocks(self, tensor: Tensor) -> bool:
        """Whether to take a block of edges at a time."""
        return runs_in_blocks(self.backend, tensor)


@uncompiled
def _with_gradients(
    conv: GraphConv,
    edges: Tensor,
    at_target: Tensor,
    at_source: Tensor,
    condition: Tensor | None,
    target: Tensor,
    source: Tensor,
) -> tuple[Tensor | None, Tensor]:
    """Do the same as :func:`.edges_in_blocks` with the update of ``conv``, for gradients to flow back.

    Of each block only what linear layers give is kept. What follows from that is cheap to compute again.
    """
    inputs = (edges, at_target, at_source, condition, *conv.parameters())
    return _InBlocks.apply(conv, target, source, *inputs)  # type: ignore[no-any-return, no-untyped-call]


class _InBlocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        conv: GraphConv,
        target: Tensor,
        source: Tensor,
        edges: Tensor,
        at_target: Tensor,
        at_source: Tensor,
        condition: Tensor | None,
        *parameters: Tensor,
    ) -> tuple[Tensor | None, Tensor]:
        kept: list[Tensor] = []
        ctx.conv, ctx.autocast = conv, Autocast.now(edges.device.type)
        with ctx.autocast.again():
            new, summed = edges_in_blocks(
                partial(conv.update, kept=kept),
                edges,
                at_target,
                at_source,
                condition,
                target,
                source,
                keep_edges=conv.keep_edges,
            )
        ctx.set_materialize_grads(False)
        ctx.ends = [(nodes.shape, nodes.dtype) for nodes in (at_target, at_source)]
        ctx.save_for_backward(target, source, edges, condition, *parameters, *kept)
        return new, summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_new: Tensor | None, d_summed: Tensor | None) -> tuple[Any, ...]:
        target, source, edges, condition, *rest = ctx.saved_tensors
        conv, needs = ctx.conv, ctx.needs_input_grad
        names = [name for name, _ in conv.named_parameters()]
        parameters, kept = dict(zip(names, rest, strict=False)), rest[len(names) :]
        needed = zip((condition, *parameters.values()), needs[6:], strict=True)
        totals = Gradients(each for each, need in needed if need)
        of_edges = torch.empty_like(edges) if needs[3] else None
        of_ends = [
            edges.new_zeros(shape, dtype=dtype) if need else None
            for (shape, dtype), need in zip(ctx.ends, needs[4:6], strict=True)
        ]
        (batch, _, channels), dtype = ctx.ends[0]
        parts = list(blocks_of(batch * channels * dtype.itemsize, len(target)))
        kept_of_each = len(kept) // len(parts)

        def go_back() -> None:
            for number, part in enumerate(parts):
                to, of = target[part], source[part]
                gradient = None if d_summed is None else rows_at(d_summed, to)
                if d_new is not None:
                    gradient = d_new[:, part] if gradient is None else gradient.add_(d_new[:, part])
                mine = kept[number * kept_of_each : (number + 1) * kept_of_each]
                place = None if of_edges is None else of_edges[:, part]
                d_product = conv.backward(gradient, edges[:, part], condition, mine, totals, out=place)
                for total, index in zip(of_ends, (to, of), strict=True):
                    if total is not None:
                        add_rows(total, index, d_product.type_as(total))

        with ctx.autocast.again():
            with_weights(conv, parameters, go_back)
        shares = (totals.of(each) for each in (condition, *parameters.values()))
        return None, None, None, of_edges, *of_ends, *shares
