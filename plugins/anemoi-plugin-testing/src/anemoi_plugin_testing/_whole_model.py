"""The checks of a layer within a whole model: in a checkpoint, and beside the layers of others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from anemoi.core.checkpoint import Checkpoint, load, save
from anemoi.core.config import Builder
from anemoi.core.domain import Domain
from anemoi.core.errors import PluginError
from anemoi.core.graph import DATA, Graph
from anemoi.core.grid import Grid
from anemoi.core.model import EncoderProcessorDecoder
from anemoi.core.plugins import components
from anemoi.core.plugins import load as load_component
from torch import Tensor

from ._check import Subject, contract, require
from ._domains import normalised_domain, steps
from ._graphs import small_graph
from ._layer_runs import (
    CHANNELS,
    TOLERANCE,
    backward,
    build,
    conditioned,
    graph_for,
    inputs,
    perturbed,
    relative_difference,
    run,
)
from ._reference import MeanMapper, MeanProcessor, StridedMapper, StridedProcessor


@contract(after=("keeps_its_shape", "is_determined_by_its_weights"))
def fits_a_checkpoint(subject: Subject) -> None:
    """Its weights are plain tensors; read back from a checkpoint, with its graph, they give the same."""
    graph = graph_for(subject)
    given, layer = inputs(subject, graph), perturbed(build(subject, graph))
    state = layer.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    require(not odd, f"these are no tensors: {', '.join(odd)}")
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        path = Path(folder, "checkpoint.safetensors")
        save(path, _checkpoint(graph, state))
        read = load(path)
    differing = [name for name, value in state.items() if not torch.equal(read.weights[name], value)]
    require(not differing, f"these are read back otherwise: {', '.join(differing)}")
    fresh = build(subject, read.graph or graph, seed=9)
    fresh.load_state_dict(dict(read.weights))
    difference = relative_difference(run(fresh.eval(), given), run(layer.eval(), given))
    require(difference < TOLERANCE, f"its result is {difference:.2g} of its size off")


def _domain(graph: Graph) -> Domain:
    """The variables of every role on the data nodes of a graph, normalised."""
    nodes = graph.nodes[DATA]
    return normalised_domain(Grid(nodes.latitudes.numpy(), nodes.longitudes.numpy()))


def _checkpoint(graph: Graph, weights: dict[str, Tensor]) -> Checkpoint:
    return Checkpoint(
        weights=weights,
        graph=graph,
        domains={DATA: _domain(graph)},
        steps={DATA: steps()},
        configuration={"model": {}, "objective": {}},
        overrides=(),
        lock=(),
        provenance={},
    )


@contract(after=("keeps_its_shape", "keeps_float32"))
def works_beside_other_layers(subject: Subject) -> None:
    """In a model of two states and three members it works beside any other layer, at either end.

    Those are simple ones, ones whose results are laid out otherwise in memory, and all that are installed.
    """
    if "condition_channels" in subject.options:
        subject = conditioned(subject, 0)  # Nothing here knows a condition.
    if subject.kind == "processor":
        for mapper in (MeanMapper, StridedMapper):
            _run_model(mapper, subject.build, mapper)
        for name, mapper in _installed("mapper"):
            fault = _fault(mapper, subject.build, mapper)
            require(not fault, f"beside the mapper {name} it fails: {fault}")
        return
    for processor in (MeanProcessor, StridedProcessor):
        _run_model(subject.build, processor, MeanMapper)
        _run_model(StridedMapper, processor, subject.build)
    for name, processor in _installed("processor"):
        fault = _fault(subject.build, processor, subject.build)
        require(not fault, f"beside the processor {name} it fails: {fault}")


def _fault(encoder: Any, processor: Any, decoder: Any) -> str:
    try:
        _run_model(encoder, processor, decoder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _installed(kind: str) -> Iterator[tuple[str, Any]]:
    """The layers of a kind that are installed here and work beside the simplest, as they are by default."""
    for component in components(kind):
        if component.state == "ok":
            try:
                layer = load_component(kind, component.full_name)
            except PluginError:
                continue
            if _works(kind, layer):  # Where it does not, that is no fault of the one that is checked.
                yield component.full_name, layer


@cache
def _works(kind: str, layer: Any) -> bool:
    """Whether a layer works beside the simplest."""
    if kind == "processor":
        return not _fault(MeanMapper, layer, MeanMapper)
    return not _fault(layer, MeanProcessor, layer)


class _Layer(Builder):
    """Builds a layer that is at hand, where a configuration would name one."""

    def __init__(self, layer: Any) -> None:
        super().__init__("", {})
        object.__setattr__(self, "layer", layer)

    layer: Any

    def __call__(self, **structure: Any) -> Any:
        return self.layer(**structure)

    @property
    def component(self) -> Any:
        return self.layer


def _run_model(encoder: Any, processor: Any, decoder: Any) -> Tensor:
    graph = small_graph()
    domain = _domain(graph)
    torch.manual_seed(0)
    model = EncoderProcessorDecoder(
        domains={DATA: domain},
        graph=graph,
        steps={DATA: steps()},
        channels=CHANNELS,
        encoder=_Layer(encoder),
        processor=_Layer(processor),
        decoder=_Layer(decoder),
    )
    fields = torch.randn(2, 2, 3, len(graph.nodes[DATA]), len(domain.inputs))
    out: Tensor = model({DATA: fields})[DATA]
    expected = (2, 1, 3, len(graph.nodes[DATA]), len(domain.outputs))
    require(out.shape == expected, f"the model gives {tuple(out.shape)}, not {expected}")
    require(out.isfinite().all(), "the model gives values that are not finite")
    backward(out.sum())
    return out
