"""Builds a model that may become no larger than its checkpoint, whatever the checkpoint's options ask for."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Final

from torch import Tensor, nn
from torch.nn.modules import module

from ..errors import CheckpointError

WEIGHTS_FACTOR: Final = 4
"""How many times the numbers of the file may be registered: layers replace weights that others made."""

MODULES_FACTOR: Final = 100
"""How many modules there may be for each tensor of the file: most have no weights (activations, lists)."""

FREE_WEIGHTS: Final = 1_000_000
FREE_MODULES: Final = 10_000
"""What any model may register, so that small ones need not be exact."""


class Bounded:
    """Stops the building of a model, in this thread, once it has registered more than its file can fill.

    A context. It costs a comparison for each module and parameter.

    Parameters
    ----------
    weights
        The tensors of the file.

    Raises
    ------
    CheckpointError
        While it is open, at the module or parameter that is one too many.
    """

    def __init__(self, weights: Collection[Tensor]) -> None:
        self._held = sum(math.prod(weight.shape) for weight in weights), len(weights)
        self._weights = self._modules = 0

    def __enter__(self) -> Bounded:
        self._thread = threading.get_ident()
        self._hooks = (
            module.register_module_parameter_registration_hook(self._count_weights),
            module.register_module_module_registration_hook(self._count_module),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def _count_weights(self, owner: nn.Module, name: str, parameter: Tensor | None) -> None:
        if threading.get_ident() == self._thread and parameter is not None:
            self._weights += parameter.numel() if not nn.parameter.is_lazy(parameter) else 0
            if self._weights > WEIGHTS_FACTOR * self._held[0] + FREE_WEIGHTS:
                self._refuse(f"{self._weights:,} weights")

    def _count_module(self, owner: nn.Module, name: str, added: nn.Module | None) -> None:
        if threading.get_ident() == self._thread:
            self._modules += 1
            if self._modules > MODULES_FACTOR * self._held[1] + FREE_MODULES:
                self._refuse(f"{self._modules:,} modules")

    def _refuse(self, made: str) -> None:
        numbers, tensors = self._held
        raise CheckpointError(
            f"The configuration of the checkpoint asks for a model of more than {made}, and the file holds "
            f"{numbers:,} weights in {tensors:,} tensors.",
            fix="The file was altered, or other plugins are installed than it was trained with: "
            "anemoi checkpoint requirements FILE",
        )
