"""Everything that makes a model train in another precision, faster, or on several devices: one function.

It is applied to a model from outside, so that no layer, objective or loss knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.model import ForecastModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .members import share_members

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from .engine import Engine
    from .settings import TrainingSettings

Loss = Callable[[ForecastModel], Tensor]
"""From a model to the loss of each forecast step of a sample, ``(steps,)``."""


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


def parallelise(model: ForecastModel, settings: TrainingSettings, engine: Engine) -> nn.Module:
    """Bring a model to where it is trained, in this order.

    1. It is moved to the device.
    2. With ``training.precision=bf16-true`` its network is cast, and fields are at the network's door.
    3. With ``training.recompute`` the network is computed again in the backward pass.
    4. With ``training.compile`` its network is compiled.
    5. With ``training.member_parallel`` its network computes some of the members, and gives those of all.
    6. It is copied to every process, or with ``training.sharded`` its weights are shared out among them.

    Optimisers are built afterwards: sharding replaces the parameters.

    Parameters
    ----------
    model
        Changed in place.

    Returns
    -------
    nn.Module
        A :class:`Forward` of it, which adds up gradients over all processes.

    Raises
    ------
    ConfigError
        If nothing can be compiled here.
    """
    model.to(engine.device)
    if settings.precision == "bf16-true":
        cast(model.network, torch.bfloat16)
    if settings.recompute:
        recompute(model.network)
    if settings.compile:
        check_compiler(engine.device)
        model.network.compile()
    if settings.member_parallel > 1:
        share_members(model.network, settings.member_parallel)
    return engine.wrap(Forward(model))


def cast(network: nn.Module, precision: torch.dtype) -> None:
    """Let a network compute in a precision, and take and give fields in single precision."""
    network.to(precision)
    network.register_forward_pre_hook(
        lambda _, args, kwargs: (_in(precision, args), _in(precision, kwargs)), with_kwargs=True
    )
    network.register_forward_hook(lambda _, args, outputs: _in(torch.float32, outputs))


def recompute(network: nn.Module) -> None:
    """Let a network forget, after a forward pass, all but its inputs, and compute it again to go back.

    "Training deep nets with sublinear memory cost" (Chen et al., 2016), for each step of a rollout. What
    layers draw at random is the same both times.
    """
    forward = network.forward

    def remembered(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    network.forward = remembered


def _in(precision: torch.dtype, values: Any) -> Any:
    if isinstance(values, Tensor):
        return values.to(precision) if values.is_floating_point() else values
    if isinstance(values, Mapping):
        return {name: _in(precision, each) for name, each in values.items()}
    return tuple(_in(precision, each) for each in values) if isinstance(values, tuple) else values


def check_compiler(device: torch.device) -> None:
    """Refuse to compile where there is no compiler.

    Raises
    ------
    ConfigError
        If a sum cannot be compiled for the device.
    """
    try:
        torch.compile(torch.add)(torch.ones(2, device=device), 1)
    except Exception as error:  # whatever a compiler and its tools may raise
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"training.compile: nothing can be compiled on this machine: {reason}",
            fix="Install a C++ compiler (on a GPU Triton), or choose training.compile=false.",
        ) from error


def shard(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Share the weights of the network of a :class:`Forward` out among the processes of a mesh.

    Each part of it, such as a processor, is gathered when it computes and let go of after that; so is
    whatever is in none of them. What is inside a part is its own affair: it may use weights of its layers
    without calling these.
    """
    from torch.distributed.fsdp import fully_shard

    assert isinstance(module, Forward)
    network, along = module.model.network, mesh["data_parallel"]
    for part in _parts(network):
        fully_shard(part, mesh=along)
    # The network itself is let go of too, or it would not see weights that change between steps (an average).
    fully_shard(network, mesh=along, reshard_after_forward=True)
    return module


def _parts(network: nn.Module) -> list[nn.Module]:
    """The children of a network, and those of its lists and dictionaries, that have weights."""
    several = (nn.ModuleDict, nn.ModuleList)
    found = [
        part
        for child in network.children()
        for part in (child.children() if isinstance(child, several) else (child,))
    ]
    return [part for part in found if any(True for _ in part.parameters())]
