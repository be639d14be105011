"""How large a model is, before anything of its size is allocated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.config import Composition
from anemoi.core.domain import Domain
from anemoi.core.held import held
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import ForecastModel, assemble, model_class, transforms_of
from anemoi.core.steps import Steps
from torch import Tensor, nn

from .blocks import states_in_memory
from .criterion import check_loss_suits
from .descent import build_optimiser, trained_of
from .domains import Data, outline, training_times
from .loop import phases
from .low_rank import LowRank, choose
from .members import trained_members
from .patterns import freeze
from .processes import world
from .samples import Samples
from .settings import Settings

_REST = "rest"
"""Of a network what is in none of its parts."""


@dataclass(frozen=True, kw_only=True)
class PartSize:
    """One part of a model.

    Parameters
    ----------
    name
        As the network calls it: ``processor``.
    parameters
        How many numbers it learns; a complex one counts as two.
    constants
        Bytes of what it precomputes, from the graph say.
    kept
        Bytes that it keeps for the gradient, in one forecast step of one sample.
    """

    name: str
    parameters: int
    constants: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """A model, part by part, and what its training takes.

    Parameters
    ----------
    parts
        In the order in which they are called.
    nodes, edges
        Of its graph, by name; empty without one.
    states
        Bytes of the optimiser's states, after its first step.
    batch_size, rollout
        Of the training, at most.
    samples, epoch, steps
        Samples of its shortest rollout in the training period, steps that see each once, and those planned.
    blocks
        Bytes of the states that are read ahead in blocks, on the host.
    """

    parts: tuple[PartSize, ...]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]
    states: int
    batch_size: int
    rollout: int
    samples: int
    epoch: int
    steps: int
    blocks: int

    @property
    def parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(part.parameters for part in self.parts)

    @property
    def memory(self) -> int:
        """Bytes that a step of training holds, without what its operations need in passing."""
        fixed = sum(2 * 4 * part.parameters + part.constants for part in self.parts)
        return fixed + self.states + self.batch_size * self.rollout * sum(part.kept for part in self.parts)

    def __str__(self) -> str:
        total = PartSize(
            name="total",
            parameters=self.parameters,
            constants=sum(part.constants for part in self.parts),
            kept=sum(part.kept for part in self.parts),
        )
        rows: list[tuple[str, ...]] = [("part", "parameters", "weights", "constants", "kept per step")]
        for part in (*self.parts, total):
            memory = (4 * part.parameters, part.constants, part.kept)
            rows.append((part.name, f"{part.parameters:,}", *map(_bytes, memory)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        graph = [
            f"{title}: {', '.join(f'{count:,} {name}' for name, count in found.items())}"
            for title, found in (("Nodes", self.nodes), ("Edges", self.edges))
            if found
        ]
        table = [
            "  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]) for name, *cells in rows
        ]
        training = (
            f"Training takes {_bytes(self.memory)} or more: weights and gradients, {_bytes(self.states)} "
            f"of the optimiser, and what {self.batch_size} x {self.rollout} forecast steps keep."
        )
        epoch = f"An epoch is {self.samples:,} samples in {self.epoch:,} steps; {self.steps:,} are planned."
        if self.blocks:
            training += f"\nBlocks of samples take {_bytes(self.blocks)} more, at most."
        return "\n".join([*graph, *table, training, epoch])


def sizes(composition: Composition) -> Sizes:
    """Measure the model of a training: its parameters and its memory, part by part.

    The graph is built, and the data are asked for their variables, grid and times alone. Weights are not
    allocated, and a forecast step is followed without computing it (``torch.device("meta")``).

    Parameters
    ----------
    composition
        The configuration of the training.

    Raises
    ------
    AnemoiError
        If the configuration, the graph or the model will not do, or the training period has no sample.
    """
    settings = config.validate(composition, Settings)
    values, trust = composition.values, composition.trusted
    domains = settings.of_domains()
    sources = {
        name: held(config.build("source", own.data, trust_code=trust), own.frequency)
        for name, own in domains.items()
    }
    objective: Objective = config.build("objective", settings.objective, trust_code=trust)
    steps = objective.steps({name: source.frequency for name, source in sources.items()})
    described = {
        name: outline(sources[name], own, steps[name], transforms_of(values, name), trust_code=trust)
        for name, own in domains.items()
    }
    graph = None
    if settings.graph is not None and model_class(settings.model, trust_code=trust).needs_graph:
        builder: GraphBuilder = config.build("graph", settings.graph, trust_code=trust)
        graph = builder.build({name: domain.grid for name, domain in described.items()})
    with parameters_without_memory():
        model = assemble(
            values, domains=described, steps=steps, graph=graph, objective=objective, trust_code=trust
        )
    check_loss_suits(objective, settings.loss, model.normalised, steps, trust_code=trust)
    choose(model, settings.training.lora)
    freeze(model, settings.training.freeze, "training.freeze")
    constants = {name: _constants(part) for name, part in model.network.named_children()}
    parameters = {name: _parameters(part) for name, part in model.network.named_children()}
    parameters[_REST] = sum(each.numel() for each in model.network.parameters(recurse=False))
    kept = _kept(model, described, steps, settings.training.member_parallel)
    data = {
        name: Data(source, training_times(source, settings.dates), described[name])
        for name, source in sources.items()
    }
    rollouts = [rollout for rollout, _ in phases(settings.training)]
    shortest, longest = (Samples.within(data, steps, count=most(rollouts)) for most in (min, max))
    lora = settings.training.lora
    trained = LowRank(model, lora, seed=0).parameters() if lora.weights else trained_of(model)
    return Sizes(
        parts=tuple(
            PartSize(name=name, parameters=count, constants=constants.get(name, 0), kept=kept.get(name, 0))
            for name, count in parameters.items()
            if count or constants.get(name, 0) or kept.get(name, 0)
        ),
        nodes={} if graph is None else {name: len(nodes) for name, nodes in graph.nodes.items()},
        edges={}
        if graph is None
        else {f"{source} to {target}": len(edges) for (source, target), edges in graph.edges.items()},
        states=_states(trained, settings, trust),
        batch_size=settings.training.batch_size,
        rollout=settings.training.rollout,
        samples=len(shortest),
        epoch=settings.training.steps_per_epoch(
            len(shortest), max(world() // settings.training.member_parallel, 1)
        ),
        steps=settings.training.steps,
        blocks=states_in_memory(longest, settings.training.blocks),
    )


@contextmanager
def parameters_without_memory() -> Iterator[None]:
    """Let every parameter lose its memory as soon as a module has it; what is precomputed stays real."""
    register = nn.Module.register_parameter

    def registered(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        if param is not None:
            param = nn.Parameter(param.detach().to("meta"), requires_grad=param.requires_grad)
        register(self, name, param)

    with _replaced(nn.Module, "register_parameter", registered):
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _parameters(module: nn.Module) -> int:
    return sum(each.numel() * (2 if each.is_complex() else 1) for each in module.parameters())


def _constants(module: nn.Module) -> int:
    storages = {
        each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in module.buffers()
    }
    return sum(storages.values())


def _kept(
    model: ForecastModel, domains: Mapping[str, Domain], steps: Mapping[str, Steps], sharing: int
) -> dict[str, int]:
    """Bytes that each part keeps for the gradient of one forecast step of one sample."""
    network = model.network.to("meta").train()
    held_alive = [each.untyped_storage() for each in (*network.parameters(), *network.buffers())]
    known = {each._cdata for each in held_alive}
    running, found = [_REST], {_REST: 0}
    seen: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known and storage._cdata not in seen:
            seen[storage._cdata] = tensor  # kept alive, so that no other takes its place
            found[running[-1]] = found.get(running[-1], 0) + storage.nbytes()
        return tensor

    def entered(name: str) -> Callable[..., None]:
        return lambda *_: running.append(name)

    def left(*_: Any) -> None:
        running.pop()

    for name, part in network.named_children():
        several = isinstance(part, (nn.ModuleDict, nn.ModuleList))
        for each in part.children() if several else (part,):
            each.register_forward_pre_hook(entered(name))
            each.register_forward_hook(left)
    members = trained_members(model.objective) // sharing
    normalised = model.objective.network_domains(model.normalised)
    fields = {
        name: torch.zeros(
            (1, len(steps[name].inputs), members, len(domain.grid), len(domain.inputs)), device="meta"
        )
        for name, domain in normalised.items()
    }
    shape = model.condition_shape(1, members)
    condition = None if shape is None else torch.zeros(shape, device="meta")
    # Autocast knows no meta device, and there is nothing to cast.
    keeping = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with keeping, _replaced(torch, "autocast", lambda *args, **options: nullcontext()):
        network(fields, condition)
    return found


def _states(trained: Mapping[str, nn.Parameter], settings: Settings, trust: bool) -> int:
    """Bytes of the states of the optimisers after one step, which is taken without computing it."""
    optimisers = build_optimiser(settings, trust_code=trust).build(trained)
    for each in trained.values():
        each.grad = torch.zeros_like(each)
    for optimiser in optimisers:
        optimiser.step()
    return sum(
        value.untyped_storage().nbytes()
        for optimiser in optimisers
        for state in optimiser.state.values()
        for value in state.values()
        if isinstance(value, Tensor)
    )


def _bytes(count: int) -> str:
    """A number of bytes in a unit that people read."""
    scale, unit = next(
        ((scale, unit) for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")) if count >= scale),
        (1, "B"),
    )
    return f"{count / scale:.3g} {unit}"
