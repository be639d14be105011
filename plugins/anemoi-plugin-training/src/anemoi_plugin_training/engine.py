"""Where a training computes: on one device or, with Lightning Fabric, on several and in lower precision."""

from __future__ import annotations

import atexit
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor, nn
from torch.optim import Optimizer

from .parallelism import shard
from .processes import launcher, local_world, world

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

    from .settings import TrainingSettings


class Engine(ABC):
    """One of the processes that train together, or the only one.

    Parameters
    ----------
    device
        Where this one computes.
    rank, world
        Which one it is, counted from zero, and how many there are.
    sharing
        How many consecutive ones see the same samples, and share their members out among each other.
    """

    def __init__(self, device: torch.device, *, rank: int = 0, world: int = 1, sharing: int = 1) -> None:
        self.device, self.rank, self.world = device, rank, world
        self.part = (rank // sharing, world // sharing)
        """Which part of the samples this one sees, counted from zero, and how many parts there are."""

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

    def unscale(self, optimisers: Sequence[Optimizer]) -> None:  # noqa: B027
        """Bring gradients of a scaled loss to their size; does nothing by default."""

    def take(self, optimisers: Sequence[Optimizer]) -> None:
        """Let the optimisers change the weights."""
        for each in optimisers:
            each.step()

    def leave_out(self, optimisers: Sequence[Optimizer]) -> None:  # noqa: B027
        """Take note that gradients were not finite, and no weight changes; lowers :attr:`scale`."""

    @property
    def scale(self) -> float | None:
        """What the loss is multiplied by before gradients are taken; None if by nothing.

        A gradient that is not finite for it is no error: the step is left out, and the scale lowered.
        """
        return None

    def state(self) -> dict[str, Any]:
        """What the steps to come depend on; nothing by default."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up a :meth:`state`."""

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
    """A process of several, or one in mixed precision.

    Parameters
    ----------
    scaler
        Of the loss, in float16.
    sharing
        As of every engine.
    """

    def __init__(
        self, fabric: Fabric, scaler: torch.amp.GradScaler | None = None, *, sharing: int = 1
    ) -> None:
        super().__init__(fabric.device, rank=fabric.global_rank, world=fabric.world_size, sharing=sharing)
        self._fabric, self._scaler = fabric, scaler

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

    def unscale(self, optimisers: Sequence[Optimizer]) -> None:
        """See :class:`Engine`."""
        if self._scaler is not None:
            for each in optimisers:
                self._scaler.unscale_(each)

    def take(self, optimisers: Sequence[Optimizer]) -> None:
        """See :class:`Engine`."""
        if self._scaler is None:
            return super().take(optimisers)
        for each in optimisers:
            self._scaler.step(each)
        self._scaler.update()

    def leave_out(self, optimisers: Sequence[Optimizer]) -> None:
        """See :class:`Engine`."""
        if self._scaler is not None:
            self._scaler.update()  # it has seen them in `unscale`

    @property
    def scale(self) -> float | None:
        """See :class:`Engine`."""
        return None if self._scaler is None else self._scaler.get_scale()

    def state(self) -> dict[str, Any]:
        """See :class:`Engine`."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`Engine`."""
        if self._scaler is not None:
            self._scaler.load_state_dict(dict(state))

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


def require_fabric(settings: TrainingSettings) -> None:
    """Refuse a training that needs Lightning Fabric where that is not installed.

    Raises
    ------
    ConfigError
        If so.
    """
    if _needs_fabric(settings) and find_spec("lightning_fabric") is None:
        raise ConfigError(
            "Training on several devices, or in mixed precision, needs Lightning Fabric.",
            fix="pip install 'anemoi-plugin-training[fabric]'",
        )


def _check_sharing(processes: int) -> None:
    """Refuse groups of processes that share members where there are no whole ones."""
    if world() % processes:
        started = "is one process" if world() == 1 else f"are {world()} processes"
        raise ConfigError(
            f"training.member_parallel: {processes} processes share the members of a sample, and there "
            f"{started}.",
            fix=f"Start a multiple of {processes}, torchrun --nproc-per-node={processes} say, or choose "
            "training.member_parallel=1.",
        )


def _needs_fabric(settings: TrainingSettings) -> bool:
    return world() > 1 or _is_mixed(settings)


def _is_mixed(settings: TrainingSettings) -> bool:
    return settings.precision in ("bf16-mixed", "16-mixed")


def _environment() -> ClusterEnvironment:
    """How the processes find each other; named, for Fabric takes every job of SLURM for one of ``srun``."""
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    by = launcher()
    if by is None:
        return LightningEnvironment()
    if by == "torchrun":
        return TorchElasticEnvironment()
    try:
        return SLURMEnvironment(auto_requeue=False)
    except RuntimeError as error:
        raise ConfigError(
            "SLURM does not say how many processes each node has.",
            fix=f"Ask for them by node: srun --ntasks-per-node={local_world()}",
        ) from error


def find_engine(settings: TrainingSettings, device: torch.device) -> Engine:
    """Find out where this process computes.

    Where ``torchrun`` or ``srun`` has started it, it is one of several: each sees samples of its own, and all
    have the same weights (PyTorch's distributed data parallel), or a part of them each (fully sharded data
    parallel). With ``training.member_parallel`` as many see the same samples.

    Raises
    ------
    ConfigError
        If the processes are no multiple of those that share members; there are several or a mixed precision,
        and Lightning Fabric is not installed; or SLURM shares the processes out in a way that Fabric does not
        take.
    """
    _check_sharing(settings.member_parallel)
    several = world() > 1
    mixed = _is_mixed(settings)
    if not _needs_fabric(settings):
        return OneDevice(device)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # not each process tells of its rank
    require_fabric(settings)
    from lightning_fabric import Fabric  # takes a second, which the usual training goes without
    from lightning_fabric.plugins.precision import MixedPrecision
    from lightning_fabric.strategies.ddp import DDPStrategy
    from lightning_fabric.strategies.model_parallel import ModelParallelStrategy

    strategy: Any = "auto"
    if several:
        strategy = (
            ModelParallelStrategy(shard, data_parallel_size=world(), tensor_parallel_size=1)
            if settings.sharded
            else DDPStrategy(broadcast_buffers=False)
        )
    scaler = torch.amp.GradScaler(device.type) if settings.precision == "16-mixed" else None
    precision = MixedPrecision(cast(Any, settings.precision), device.type, scaler) if mixed else None
    fabric = Fabric(
        accelerator="cuda" if device.type == "cuda" else "cpu",
        devices=local_world() if several or device.index is None else [device.index],
        num_nodes=world() // local_world(),
        plugins=[_environment(), *([] if precision is None else [precision])],
        strategy=strategy,
    )
    fabric.launch()
    if several:
        atexit.register(_leave_group)
    return WithFabric(fabric, scaler, sharing=settings.member_parallel)


def _leave_group() -> None:
    """Leave the other processes in order: a thread of gloo that runs at the end aborts this one."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
