"""Build a layer or a model on a graph, give it something to work on, and watch what it does."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import DATA, HIDDEN, Graph
from anemoi.core.grid import Grid
from anemoi.core.interfaces.model import Model
from anemoi.core.steps import Steps
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ._check import Subject
from ._domains import VARIABLES, normalised_domain, steps
from ._graphs import gaussian_grid, graph_on, regular_grid, small_graph, spread_grid
from ._options import with_parts

CHANNELS = 64
"""Enough for eight heads of eight channels."""

SIZES = {"source_channels": 7, "target_channels": 3, "out_channels": 5}
"""Three sizes of which no two are alike, so that none can be taken for another."""


CONDITIONS = 2
"""How many numbers a layer is conditioned on, where it can be."""


MEMBERS = 3
"""How many members the fields of a model have."""


def conditions(subject: Subject) -> int:
    """How many numbers the layer or model is built to be conditioned on."""
    return int(subject.options.get("condition_channels", 0))


def conditioned(subject: Subject, count: int = CONDITIONS) -> Subject:
    """The same layer or model, built for ``count`` conditions."""
    return replace(subject, options={**subject.options, "condition_channels": count})


def graph_for(subject: Subject) -> Graph:
    """A small graph to build it on; that of a model has the first kind of grid that the model takes."""
    return graph_on({DATA: grid_for(subject)}) if subject.kind == "model" else small_graph()


def grid_for(subject: Subject) -> Grid:
    """The first of :func:`grids_for`."""
    return grids_for(subject)[0]


@lru_cache(maxsize=8)
def grids_for(subject: Subject) -> tuple[Grid, Grid]:
    """Two grids of a kind that the model takes: points spread over the globe, or rows where it refuses these.

    Raises
    ------
    ConfigError
        If it takes none of them.
    """
    kinds = (
        (spread_grid(30), spread_grid(21)),
        (regular_grid(), regular_grid(9, 16)),
        (gaussian_grid(), gaussian_grid(8, 16)),
    )
    refusals = []
    for grids in kinds:
        refusal = refusal_of(subject, {DATA: normalised_domain(grids[0])}, {DATA: steps()})
        if refusal is None:
            return grids
        refusals.append(refusal)
    raise refusals[0]


def refusal_of(
    subject: Subject, domains: Mapping[str, Domain], steps: Mapping[str, Steps]
) -> ConfigError | None:
    """The error with which a model refuses domains; None if it takes them."""
    try:
        build_model(subject, domains, steps)
    except ConfigError as error:
        return error
    return None


def build_model(
    subject: Subject, domains: Mapping[str, Domain], steps: Mapping[str, Steps], *, seed: int = 0
) -> nn.Module:
    """The model, with the weights that ``seed`` gives; on a graph if it needs one."""
    torch.manual_seed(seed)
    graph = None
    if subject.component.needs_graph:
        graph = graph_on({name: domain.grid for name, domain in domains.items()})
    given = {"condition_channels": 0, **with_parts(subject)}
    model: nn.Module = subject.component(domains=domains, graph=graph, steps=steps, **given)
    return model


def structure(subject: Subject, graph: Graph) -> dict[str, Any]:
    """What a layer is given by the framework; a mapper stands where the encoder does."""
    if subject.kind == "processor":
        nodes, edges = graph.nodes[HIDDEN], graph.edges[HIDDEN, HIDDEN]
        return {"nodes": nodes, "edges": edges, "channels": CHANNELS}
    ends = {"source": graph.nodes[DATA], "target": graph.nodes[HIDDEN], "edges": graph.edges[DATA, HIDDEN]}
    return {**ends, "channels": CHANNELS, **SIZES}


def build(subject: Subject, graph: Graph, *, seed: int = 0) -> nn.Module:
    """The layer, or the model of one domain, with the weights that ``seed`` gives."""
    if subject.kind == "model":
        nodes = graph.nodes[DATA]
        domain = normalised_domain(Grid(nodes.latitudes.numpy(), nodes.longitudes.numpy()))
        return build_model(subject, {DATA: domain}, {DATA: steps()}, seed=seed)
    torch.manual_seed(seed)
    layer: nn.Module = subject.build(**structure(subject, graph))
    return layer


def inputs(subject: Subject, graph: Graph, *, batch: int = 2) -> tuple[Tensor, ...]:
    """Normally distributed features, and conditions if it is built for some; the same ones every time.

    The features of a model are the inputs of its one domain, ``(batch, time in, ensemble, grid, inputs)``.
    """
    generator = torch.Generator().manual_seed(1)
    shapes: list[tuple[int, ...]] = [(len(graph.nodes[HIDDEN]), CHANNELS)]
    if subject.kind == "mapper":
        shapes = [
            (len(graph.nodes[DATA]), SIZES["source_channels"]),
            (len(graph.nodes[HIDDEN]), SIZES["target_channels"]),
        ]
    if subject.kind == "model":
        shapes = [(2, MEMBERS, len(graph.nodes[DATA]), sum(each.is_input for each in VARIABLES))]
    if count := conditions(subject):
        shapes.append(condition_shape(subject, count))
    return tuple(torch.randn(batch, *shape, generator=generator) for shape in shapes)


def condition_shape(subject: Subject, count: int) -> tuple[int, ...]:
    """The shape of ``count`` conditions, behind that of the batch: a model has some for each member."""
    return (MEMBERS, count) if subject.kind == "model" else (count,)


def output_shape(subject: Subject, graph: Graph, *, batch: int = 2) -> tuple[int, ...]:
    """The shape that must come out."""
    if subject.kind == "model":
        return batch, 1, MEMBERS, len(graph.nodes[DATA]), sum(each.is_output for each in VARIABLES)
    channels = CHANNELS if subject.kind == "processor" else SIZES["out_channels"]
    return batch, len(graph.nodes[HIDDEN]), channels


def run(layer: nn.Module, given: Sequence[Tensor], *, seed: int = 2) -> Tensor:
    """What comes out, with the random numbers that ``seed`` gives."""
    torch.manual_seed(seed)
    if isinstance(layer, Model):
        made: Tensor = layer({DATA: given[0]}, *given[1:])[DATA]
        return made
    out: Tensor = layer(*given)
    return out


TOLERANCE = 1e-4
"""How far two results may be apart that differ in rounding alone."""


def backward(out: Tensor) -> None:
    """Let gradients flow back from a scalar."""
    out.backward()  # type: ignore[no-untyped-call]


def perturbed(layer: nn.Module) -> nn.Module:
    """The same layer, every weight moved a little: what starts as zero hides what lies behind it."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator).to(parameter.dtype))
    return layer


def shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor."""
    return {name: tuple(getattr(value, "shape", ())) for name, value in state.items()}


def relative_difference(one: Tensor, other: Tensor, least: float = 1e-6) -> float:
    """The largest difference, as a fraction of the largest value, which counts as ``least`` if it is less."""
    if one.shape != other.shape:
        return float("inf")
    scale = max(float(other.detach().abs().max()), least) if other.numel() else 1.0
    difference = (one.detach().double() - other.detach().double()).abs()
    return float(difference.max()) / scale if difference.numel() else 0.0


class LeftBehind(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Finds operations that touch a tensor on another device than ``device``.

    A single number on the processor is allowed anywhere.
    """

    def __init__(self, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device = device
        self.found = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look at what goes into each operation and what comes out."""
        self._look(func, (args, kwargs))
        out = func(*args, **(kwargs or {}))
        self._look(func, out)
        return out

    def _look(self, func: Any, values: Any) -> None:
        for each in tree_leaves(values):
            if isinstance(each, Tensor) and each.ndim and each.device.type != self._device:
                self.found = self.found or (
                    f"{func} works with a tensor of shape {tuple(each.shape)} on {each.device.type}"
                )


class Memory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows how many bytes the tensors that operations make take at once, in the backward pass too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._held: dict[int, int] = {}
        self._now = 0
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count what comes out, once for all tensors that share it, until the last of them is gone."""
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, Tensor):
                storage = each.untyped_storage()
                place, size = storage.data_ptr(), storage.nbytes()
                if size and place not in self._held:
                    self._held[place] = size
                    self._now += size
                    self.most = max(self.most, self._now)
                    weakref.finalize(storage, self._let_go, place)
        return out

    def _let_go(self, place: int) -> None:
        self._now -= self._held.pop(place, 0)
