"""Where a training computes: on one device or, with Lightning Fabric, on several and in lower precision.

What is trained does not know of it: a model is wrapped from outside.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.model import ForecastModel
from torch import Tensor, nn

from .processes import local_world, world

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from .settings import TrainingSettings

Loss = Callable[[ForecastModel], Tensor]
"""From a model to the loss of each forecast step of a sample, ``(steps,)``."""


class Engine(ABC):
    """One of the processes that train together, or the only one.

    Parameters
    ----------
    device
        Where this one computes.
    rank, world
        Which one it is, counted from zero, and how many there are.
    """

    def __init__(self, device: torch.device, *, rank: int = 0, world: int = 1) -> None:
        self.device, self.rank, self.world = device, rank, world

    @abstractmethod
    def wrap(self, module: nn.Module) -> nn.Module:
        """Prepare a module for training; its parameters stay those that they are."""

    @abstractmethod
    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss, each the mean over all processes."""

    @abstractmethod
    def alone(self, module: nn.Module, enabled: bool) -> AbstractContextManager[object]:
        """Within it, if enabled, gradients stay this process's own, because more are to be added."""

    @abstractmethod
    def forward(self) -> AbstractContextManager[object]:
        """Within it a model computes in the precision that was asked for."""

    @abstractmethod
    def mean(self, values: Sequence[float]) -> list[float]:
        """The mean of each number over all processes."""

    @abstractmethod
    def of_all(self, tensor: Tensor) -> Tensor:
        """A tensor of every process, ``(processes, ...)``, on CPU."""

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """Whether each is true in any process."""
        return [value > 0 for value in self.mean([float(flag) for flag in flags])]


class OneDevice(Engine):
    """The only process, in single precision."""

    def wrap(self, module: nn.Module) -> nn.Module:
        """See :class:`Engine`."""
        return module

    def backward(self, loss: Tensor) -> None:
        """See :class:`Engine`."""
        torch.autograd.backward(loss)

    def alone(self, module: nn.Module, enabled: bool) -> AbstractContextManager[object]:
        """See :class:`Engine`."""
        return nullcontext()

    def forward(self) -> AbstractContextManager[object]:
        """See :class:`Engine`."""
        return nullcontext()

    def mean(self, values: Sequence[float]) -> list[float]:
        """See :class:`Engine`."""
        return list(values)

    def of_all(self, tensor: Tensor) -> Tensor:
        """See :class:`Engine`."""
        return tensor.cpu()[None]


class WithFabric(Engine):
    """A process of several, or one in another precision."""

    def __init__(self, fabric: Fabric) -> None:
        super().__init__(fabric.device, rank=fabric.global_rank, world=fabric.world_size)
        self._fabric = fabric

    def wrap(self, module: nn.Module) -> nn.Module:
        """See :class:`Engine`."""
        return cast(nn.Module, self._fabric.setup_module(module))

    def backward(self, loss: Tensor) -> None:
        """See :class:`Engine`."""
        self._fabric.backward(loss)

    def alone(self, module: nn.Module, enabled: bool) -> AbstractContextManager[object]:
        """See :class:`Engine`."""
        if self.world == 1:
            return nullcontext()
        return self._fabric.no_backward_sync(cast(Any, module), enabled=enabled)

    def forward(self) -> AbstractContextManager[object]:
        """See :class:`Engine`."""
        return self._fabric.autocast()

    def mean(self, values: Sequence[float]) -> list[float]:
        """See :class:`Engine`."""
        here = torch.tensor(list(values), dtype=torch.float64, device=self.device)
        return [float(each) for each in cast(Tensor, self._fabric.all_reduce(here, reduce_op="mean"))]

    def of_all(self, tensor: Tensor) -> Tensor:
        """See :class:`Engine`."""
        gathered = cast(Tensor, self._fabric.all_gather(tensor.to(self.device)))
        return gathered.reshape(self.world, *tensor.shape).cpu()


class Forward(nn.Module):
    """Computes a loss as the forward pass of one module: what an engine wraps.

    So the objective may ask the model as often as it likes, and any part of it.
    """

    def __init__(self, model: ForecastModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, loss: Loss) -> Tensor:
        """Give the loss of the model."""
        return loss(self.model)


def require_fabric(settings: TrainingSettings) -> None:
    """Refuse a training that needs Lightning Fabric where that is not installed.

    Raises
    ------
    ConfigError
        If so.
    """
    if _needs_fabric(settings) and find_spec("lightning_fabric") is None:
        raise ConfigError(
            "Training on several devices, or in another precision, needs Lightning Fabric.",
            fix="pip install 'anemoi-plugin-training[fabric]'",
        )


def _needs_fabric(settings: TrainingSettings) -> bool:
    return world() > 1 or settings.precision != 32


def find_engine(settings: TrainingSettings, device: torch.device) -> Engine:
    """Find out where this process computes.

    Where ``torchrun`` has started it, it is one of several: each sees samples of its own, and all have the
    same weights (PyTorch's distributed data parallel).

    Raises
    ------
    ConfigError
        If there are several processes or another precision, and Lightning Fabric is not installed.
    """
    several = world() > 1
    if not _needs_fabric(settings):
        return OneDevice(device)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # not each process tells of its rank
    require_fabric(settings)
    from lightning_fabric import Fabric  # takes a second, which the usual training goes without
    from lightning_fabric.strategies.ddp import DDPStrategy

    fabric = Fabric(
        accelerator="cuda" if device.type == "cuda" else "cpu",
        devices=local_world() if several or device.index is None else [device.index],
        num_nodes=world() // local_world(),
        precision="32-true" if settings.precision == 32 else settings.precision,
        strategy=DDPStrategy(broadcast_buffers=False) if several else "auto",
    )
    fabric.launch()
    return WithFabric(fabric)
