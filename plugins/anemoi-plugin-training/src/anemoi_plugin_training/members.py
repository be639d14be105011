"""The members of a sample shared out among processes: each computes some, and has the outputs of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.model import Fields
from anemoi.core.interfaces.objective import Objective
from torch import Tensor, distributed, nn

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_MEMBERS = {"fields": 2, "condition": 1}
"""Along which axis of what a network is given its members lie."""


def trained_members(objective: Objective) -> int:
    """How many members of each sample an objective trains."""
    return int(getattr(objective, "trained_members", 1))


def check_members(processes: int, members: int) -> None:
    """Refuse to share the members of an objective out among processes that cannot have as many each.

    Raises
    ------
    ConfigError
        If so.
    """
    if members % processes == 0:
        return
    trained = "one member" if members == 1 else f"{members} members"
    raise ConfigError(
        f"training.member_parallel: the objective trains {trained} of each sample, which {processes} "
        "processes cannot share evenly.",
        fix="Choose training.member_parallel=1, or an objective of as many members or a multiple: "
        f"objective=ensemble objective.members={processes}.",
    )


def share_members(network: nn.Module, processes: int) -> None:
    """Let consecutive processes compute some of the members each, wherever a network is trained.

    A network that is called in training takes inputs of all members, computes those of this process, and
    gives the outputs of all. Its backward pass adds up over the processes what each knows of the gradient of
    an output. So processes that compute the same loss of all members have, in the mean over them, the
    gradient of one process that computes everything: whatever an objective does with members between its
    steps. In ``eval`` each process computes all members.

    Parameters
    ----------
    network
        Changed in place.
    processes
        How many share the members of a sample. All processes must call this.
    """
    group, _ = distributed.new_subgroups(processes)  # type: ignore[no-untyped-call]
    shared = _Shared(group)
    network.register_forward_pre_hook(shared.take, with_kwargs=True)
    network.register_forward_hook(shared.gather)


class _Gathered(torch.autograd.Function):
    """The members of all processes of a group; the gradient of each is the sum over these."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, group: ProcessGroup) -> Tensor:
        """Take outputs of the members of this process to those of all, ``(..., ensemble, grid, outputs)``."""
        ctx.group = group
        own = own.contiguous()
        parts = [torch.empty_like(own) for _ in range(group.size())]
        distributed.all_gather(parts, own, group=group)
        return torch.cat(parts, dim=_MEMBERS["fields"])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Add up what each process knows of the gradient, and take that of the members of this one."""
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total, group=ctx.group)
        axis, size = _MEMBERS["fields"], ctx.group.size()
        return total.chunk(size, dim=axis)[ctx.group.rank()], None


class _Shared:
    """What one process of a group does at the door of a network."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group, self._rank, self._size = group, group.rank(), group.size()

    def take(
        self, network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Leave this process its members of the inputs."""
        if not network.training:
            return None
        given = {**dict(zip(_MEMBERS, args, strict=False)), **kwargs}
        fields: Fields = given["fields"]
        condition: Tensor | None = given.get("condition")
        own = {name: self._own(each, _MEMBERS["fields"]) for name, each in fields.items()}
        return (own, None if condition is None else self._own(condition, _MEMBERS["condition"])), {}

    def gather(self, network: nn.Module, args: tuple[Any, ...], outputs: Fields) -> dict[str, Tensor] | None:
        """Give the outputs of all members."""
        if not network.training:
            return None
        gathered: Callable[[Tensor, ProcessGroup], Tensor] = cast(Any, _Gathered).apply
        return {name: gathered(each, self._group) for name, each in outputs.items()}

    def _own(self, values: Tensor, axis: int) -> Tensor:
        members, rest = divmod(values.shape[axis], self._size)
        if rest:
            raise ConfigError(
                f"The objective has given the network {values.shape[axis]} members, which {self._size} "
                "processes cannot share evenly.",
                fix="Choose training.member_parallel=1.",
            )
        return values.narrow(axis, self._rank * members, members)
