"""The MLP that every part of the network is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from anemoi_plugin_layers import MLP, Activation, FeedForward, MLPImplementation, Norm, Normalisation
from anemoi_plugin_layers.gradients import Gradients
from torch import Tensor, nn


@dataclass(frozen=True)
class MLPOptions:
    """What all MLPs of a network have in common.

    Parameters
    ----------
    hidden_layers
        How many hidden layers there are.
    implementation, activation
        As for :class:`anemoi_plugin_layers.FeedForward`.
    normalisation
        At the end.
    """

    hidden_layers: int
    implementation: MLPImplementation
    activation: Activation | None
    normalisation: Normalisation


class NormedMLP(MLP):
    """An MLP with a normalisation at its end.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels
        The widths.
    options
        What it shares with others.
    condition_channels
        How many conditions scale and shift its normalised result.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        options: MLPOptions,
        *,
        condition_channels: int = 0,
    ) -> None:
        super().__init__(
            in_channels,
            hidden_channels,
            out_channels,
            extra_layers=options.hidden_layers - 1,
            implementation=options.implementation,
            activation=options.activation,
        )
        self.norm = Norm(out_channels, options.normalisation, condition_channels=condition_channels)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(batch, nodes, in_channels)`` to ``(batch, nodes, out_channels)``."""
        return self.after_first(self.first(x), condition)

    def after_first(
        self, product: Tensor, condition: Tensor | None = None, kept: list[Tensor] | None = None
    ) -> Tensor:
        """Go on after the first linear layer, for who computes its product in a way of their own.

        What :meth:`backward` needs is put into ``kept``: what each linear layer gives, no more.
        """
        for layer, linear in self._activated():
            if kept is not None:
                kept.append(product)
            product = linear(layer.activate(product))
        if kept is not None:
            kept.append(product)
        return self.norm(product, condition)  # type: ignore[no-any-return]

    def backward(
        self, gradient: Tensor, condition: Tensor | None, kept: Sequence[Tensor], totals: Gradients
    ) -> Tensor:
        """Take a gradient back through :meth:`after_first`, which is run without gradients.

        Linear layers are done by hand, and what is between them, which is cheap, once more.

        Parameters
        ----------
        gradient
            Of what came out.
        condition, kept
            What went in, and was kept.
        totals
            What the gradients of parameters, and of ``condition``, are added to.

        Returns
        -------
        Tensor
            The gradient of ``product``.
        """
        *products, last = kept
        gradient = totals.through(self.norm, last, condition, gradient)
        for (layer, linear), product in reversed(list(zip(self._activated(), products, strict=True))):
            leaf = product.detach().requires_grad_()
            with torch.enable_grad():
                active = layer.activate(leaf)
            gradient = totals.linear(linear, active.detach(), gradient)
            (gradient,) = torch.autograd.grad(active, leaf, gradient)
        return gradient

    def _activated(self) -> Iterator[tuple[FeedForward, nn.Linear]]:
        """Each activation with the linear layer that follows it."""
        linears = [*(layer.linear for layer in self.hidden[1:]), self.out]
        return zip(self.hidden, linears, strict=True)  # type: ignore[arg-type]
