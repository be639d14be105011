"""Training low-rank changes of weights instead of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor, nn

from .patterns import matching
from .sharding import assign, share_out, whole, whole_tree

if TYPE_CHECKING:
    from .settings import LowRankSettings

_KEY = "training.lora"
_ENDINGS = (".lora_a", ".lora_b")
"""Of the names of factors, which begin with that of the weight."""


def choose(model: nn.Module, settings: LowRankSettings) -> None:
    """Let only the matrices that fit the patterns of the settings be trained; all weights without patterns.

    Raises
    ------
    ConfigError
        If a pattern fits no matrix.
    """
    if not settings.weights:
        return
    parameters, chosen = dict(model.named_parameters()), set[str]()
    for pattern in settings.weights:
        found = matching(pattern, parameters, f"{_KEY}.weights")
        matrices = [name for name in found if parameters[name].ndim > 1]
        if not matrices:
            raise ConfigError(
                f"{_KEY}.weights: the pattern {pattern!r} fits no matrix, only biases and norms.",
                fix="Choose weights of two dimensions or more, such as 'processor.*'.",
            )
        chosen.update(matrices)
    for name, each in parameters.items():
        each.requires_grad_(each.requires_grad and name in chosen)


def trained_numbers(weight: Tensor, settings: LowRankSettings) -> int:
    """How many numbers are trained in the place of a weight."""
    if not settings.weights:
        return weight.numel()
    rank, columns, rows = _sizes(weight, settings.rank)
    return rank * (columns + rows)


def weight_of(name: str) -> str:
    """The weight that a factor changes, or that has this name itself."""
    return name.removesuffix(_ENDINGS[0]).removesuffix(_ENDINGS[1])


@dataclass(frozen=True)
class _Change:
    weight: nn.Parameter
    base: Tensor  # the weight before training
    a: nn.Parameter  # (rank, columns)
    b: nn.Parameter  # (rows, rank)


class LowRank:
    """Trains ``W + alpha / rank * B A`` in the place of each weight ``W``.

    ``A`` begins with random numbers and ``B`` with zeros, so that the model is unchanged before the first
    step (Hu et al., "LoRA: low-rank adaptation of large language models", 2021). A weight of more than two
    dimensions is a matrix of its first and all others.

    The weights of the model are the sums at any time: their gradients become those of the factors, and each
    step makes them again. So no layer, objective or checkpoint knows of it.

    Parameters
    ----------
    model
        Its parameters that require a gradient are changed.
    settings
        Rank and alpha.
    seed
        Of the random numbers, the same in every process.
    """

    def __init__(self, model: nn.Module, settings: LowRankSettings, *, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._scale = settings.alpha / settings.rank
        self._changes: dict[str, _Change] = {}
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                continue
            rank, columns, rows = _sizes(weight, settings.rank)
            dtype = torch.promote_types(weight.dtype, torch.float32)
            a = torch.randn(rank, columns, generator=generator, dtype=dtype) / columns**0.5
            b = torch.zeros(rows, rank, dtype=dtype)
            factors = (nn.Parameter(each.to(weight.device)) for each in (a, b))
            self._changes[name] = _Change(weight, weight.detach().clone(), *factors)

    def parameters(self) -> dict[str, nn.Parameter]:
        """The factors, by names that begin with those of the weights."""
        return {
            f"{name}{ending}": factor
            for name, change in self._changes.items()
            for ending, factor in zip(_ENDINGS, (change.a, change.b), strict=True)
        }

    def pull_back(self) -> None:
        """Turn the gradients of the weights into those of the factors.

        Every process must do so at the same step.
        """
        for change in self._changes.values():
            change.a.grad = change.b.grad = None
            if change.weight.grad is None:
                continue
            gradient = self._scale * whole(change.weight.grad).to(change.a.dtype).flatten(1)
            change.a.grad = change.b.detach().mH @ gradient
            change.b.grad = gradient @ change.a.detach().mH
            change.weight.grad = None

    @torch.no_grad()
    def merge(self) -> None:
        """Make the weights again from the factors."""
        for change in self._changes.values():
            product = (self._scale * change.b @ change.a).reshape(change.weight.shape)
            change.weight.copy_(change.base.to(product.dtype) + share_out(product, change.base))

    def state(self) -> dict[str, Any]:
        """What the steps to come depend on; every process must ask for it at the same step."""
        return {
            name: whole_tree({"base": change.base, "a": change.a.detach(), "b": change.b.detach()})
            for name, change in self._changes.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a :meth:`state`."""
        for name, change in self._changes.items():
            for into, values in ((change.base, "base"), (change.a, "a"), (change.b, "b")):
                assign(into, state[name][values])


def _sizes(weight: Tensor, rank: int) -> tuple[int, int, int]:
    """The rank of a change, and its columns and rows; a narrow matrix has no higher rank than its width."""
    rows, columns = weight.shape[0], prod(weight.shape[1:])
    return min(rank, rows, columns), columns, rows
