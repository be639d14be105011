"""The way back through work that is done in blocks, and the gradients that are summed over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

_ALL = slice(None)


class Gradients:
    """The gradients of some tensors, summed over the blocks that each has a share of.

    Parameters
    ----------
    tensors
        Those whose gradient is asked for.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._totals = {id(each): torch.zeros_like(each) for each in tensors}

    def of(self, tensor: Tensor | None) -> Tensor | None:
        """Give the sum so far, or None if it is not asked for."""
        return self._totals.get(id(tensor))

    def linear(
        self, layer: nn.Linear, x: Tensor, gradient: Tensor, *, columns: slice | None = None
    ) -> Tensor:
        """Take a gradient back through a linear layer, or through some columns of its weight, without bias.

        Parameters
        ----------
        layer
            The layer.
        x
            What went in, ``(..., in channels)``.
        gradient
            Of what came out, ``(..., out channels)``.
        columns
            Which columns of the weight ``x`` was multiplied with, if not all.

        Returns
        -------
        Tensor
            The gradient of ``x``.
        """
        part = _ALL if columns is None else columns
        self.add_affine(layer.weight, layer.bias if columns is None else None, x, gradient, part)
        return gradient @ layer.weight[:, part]

    def add_affine(
        self, weight: Tensor, bias: Tensor | None, x: Tensor, gradient: Tensor, columns: slice = _ALL
    ) -> None:
        """Add the share of some rows to the gradients of a weight and a bias, as :meth:`linear` does."""
        rows, before = gradient.flatten(0, -2), x.flatten(0, -2)
        if (total := self.of(weight)) is not None:
            if total.dtype == rows.dtype == before.dtype:
                total[:, columns].addmm_(rows.T, before)
            else:  # Under autocast products are of lower precision than their sum.
                total[:, columns] += rows.T @ before
        if (total := self.of(bias)) is not None:
            total += rows.sum(0)

    def through(
        self,
        module: nn.Module,
        x: Tensor,
        condition: Tensor | None,
        gradient: Tensor | Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Take a gradient back through a module that is cheap to run again.

        Parameters
        ----------
        module
            Is given ``x`` and ``condition``.
        x, condition
            What went in.
        gradient
            Of what came out, or what gives that from what came out.

        Returns
        -------
        Tensor
            The gradient of ``x``.
        """
        leaf = x.detach().requires_grad_()
        others = [
            each
            for each in (condition, *module.parameters())
            if each is not None and id(each) in self._totals
        ]
        with torch.enable_grad():
            out = module(leaf, condition)
        of_out = gradient if isinstance(gradient, Tensor) else gradient(out.detach())
        found, *shares = torch.autograd.grad(out, [leaf, *others], of_out)
        for other, share in zip(others, shares, strict=True):
            self._totals[id(other)] += share
        return found


def with_weights(module: nn.Module, parameters: Mapping[str, Tensor], do: Callable[[], None]) -> None:
    """Call ``do`` while ``module`` has these parameters, by name.

    They are the weights that were used, which need not be those that the module has by now.
    """
    used = {f"module.{name}": parameter for name, parameter in parameters.items()}
    functional_call(_CallbackModule(module, do), used, ())


class _CallbackModule(nn.Module):
    """Calls back in its forward pass, during which ``functional_call`` has replaced its weights."""

    def __init__(self, module: nn.Module, do: Callable[[], None]) -> None:
        super().__init__()
        self.module, self.do = module, do

    def forward(self) -> None:
        self.do()


@dataclass(frozen=True)
class Autocast:
    """The precision of a forward pass, which the way back has too."""

    device: str
    dtype: torch.dtype
    enabled: bool

    @classmethod
    def now(cls, device: str) -> Autocast:
        """The one that holds now."""
        return cls(device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))

    def again(self) -> AbstractContextManager[None]:
        """Let it hold."""
        # Without the cache, in which casts made without gradients would meet those that need them.
        return torch.autocast(self.device, dtype=self.dtype, enabled=self.enabled, cache_enabled=False)
