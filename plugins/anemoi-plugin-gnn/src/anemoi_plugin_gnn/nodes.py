"""An MLP of nodes, a block of them at a time, for the same reasons as edges are taken so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .blocks import Backend, blocks_of, runs_in_blocks
from .gradients import Autocast, Gradients, with_weights
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

    def forward(self, x: Tensor, condition: Tensor | None = None, *, beside: Tensor | None = None) -> Tensor:
        """``(batch, nodes, channels)``, and as much beside it, to ``(batch, nodes, out_channels)``."""
        states = (x,) if beside is None else (x, beside)
        if not runs_in_blocks(self.backend, x):
            return self._of(states, condition)
        if torch.is_grad_enabled():
            return _with_gradients(self, states, condition)  # type: ignore[no-any-return]
        return self.in_blocks(states, condition)  # type: ignore[no-any-return]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def in_blocks(
        self, states: Sequence[Tensor], condition: Tensor | None, kept: list[Tensor] | None = None
    ) -> Tensor:
        """Do so a block of nodes at a time; what :meth:`block_back` needs of each is put into ``kept``."""
        result: Tensor | None = None
        for part in self.blocks(states[0]):
            products: list[Tensor] | None = None if kept is None else []
            new = self._of([state[:, part] for state in states], condition, products)
            if kept is not None and products is not None:
                kept += products[1:] if self._embeds else products
            if result is None:
                result = new.new_empty(new.shape[0], states[0].shape[1], new.shape[2])
            result[:, part] = new
        assert result is not None
        return result

    def blocks(self, state: Tensor) -> list[slice]:
        """Of nodes whose hidden states are a block."""
        # By what comes in, which is the same on the way back, and not by the weights, which need not be.
        width = state.shape[0] * self.first.out_features * state.element_size()
        return list(blocks_of(width, state.shape[1]))

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
        gradient: Tensor,
        states: Sequence[Tensor],
        condition: Tensor | None,
        kept: Sequence[Tensor],
        totals: Gradients,
    ) -> list[Tensor]:
        """Take a gradient back through a block, to each of what went in."""
        before = _side_by_side(states)
        products = (self.first(before), *kept) if self._embeds else kept
        d_product = self.backward(gradient, condition, products, totals)
        d_states = totals.linear(self.first, before, d_product)
        first, *others = torch.split(d_states, [state.shape[-1] for state in states], dim=-1)
        return [first + gradient if self.residual else first, *others]


def _side_by_side(states: Sequence[Tensor]) -> Tensor:
    return states[0] if len(states) == 1 else torch.cat(tuple(states), dim=-1)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _with_gradients(mlp: NodeMLP, states: Sequence[Tensor], condition: Tensor | None) -> Tensor:
    inputs = (condition, *mlp.parameters(), *states)
    return _InBlocks.apply(mlp, len(states), *inputs)  # type: ignore[no-any-return, no-untyped-call]


class _InBlocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mlp: NodeMLP, count: int, condition: Tensor | None, *tensors: Tensor) -> Tensor:
        states, kept = tensors[-count:], list[Tensor]()
        ctx.mlp, ctx.count, ctx.autocast = mlp, count, Autocast.now(states[0].device.type)
        with ctx.autocast.again():
            result = mlp.in_blocks(states, condition, kept)
        ctx.save_for_backward(condition, *tensors, *kept)
        return result  # type: ignore[no-any-return]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        mlp, needs = ctx.mlp, ctx.needs_input_grad[2:]
        condition, *rest = ctx.saved_tensors
        names = [name for name, _ in mlp.named_parameters()]
        parameters = dict(zip(names, rest, strict=False))
        states, kept = rest[len(names) : len(names) + ctx.count], rest[len(names) + ctx.count :]
        inputs = (condition, *parameters.values())
        totals = Gradients(each for each, need in zip(inputs, needs, strict=False) if need)
        of_states = [
            torch.empty_like(state) if need else None
            for state, need in zip(states, needs[len(inputs) :], strict=True)
        ]
        parts = mlp.blocks(states[0])
        kept_of_each = len(kept) // len(parts)

        def go_back() -> None:
            for number, part in enumerate(parts):
                mine = kept[number * kept_of_each : (number + 1) * kept_of_each]
                of_block = [state[:, part] for state in states]
                found = mlp.block_back(gradient[:, part], of_block, condition, mine, totals)
                for total, share in zip(of_states, found, strict=True):
                    if total is not None:
                        total[:, part] = share

        with ctx.autocast.again():
            with_weights(mlp, parameters, go_back)
        return None, None, *(totals.of(each) for each in inputs), *of_states
