"""The checks of a layer within a whole model: in a checkpoint, and beside the layers of others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import Checkpoint, load, save
from ..errors import PluginError
from ..graph import DATA, HIDDEN, Graph
from ..grid import Grid
from ..model import ForecastModel, ModelStatistics
from ..plugins import components
from ..plugins import load as load_component
from ._bench import CHANNELS, TOLERANCE, apart, backward, build, conditioned, inputs, run, stirred
from ._check import Subject, contract, require
from ._graphs import small_graph
from ._reference import MeanMapper, MeanProcessor, StridedMapper, StridedProcessor

VARIABLES = ("a", "b")
FORCINGS = ("c",)
STATISTICS = ModelStatistics(torch.zeros(2), torch.ones(2), torch.ones(2))


@contract(after=("keeps_its_shape", "is_determined_by_its_weights"))
def fits_a_checkpoint(subject: Subject) -> None:
    """Its weights are plain tensors; read back from a checkpoint, with its graph, they give the same."""
    graph = small_graph()
    given, layer = inputs(subject, graph), stirred(build(subject, graph))
    state = layer.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    require(not odd, f"these are no tensors: {', '.join(odd)}")
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        path = Path(folder, "checkpoint.safetensors")
        save(path, _checkpoint(graph, state))
        read = load(path)
    differing = [name for name, value in state.items() if not torch.equal(read.weights[name], value)]
    require(not differing, f"these are read back otherwise: {', '.join(differing)}")
    fresh = build(subject, read.graph, seed=9)
    fresh.load_state_dict(dict(read.weights))
    difference = apart(run(fresh.eval(), given), run(layer.eval(), given))
    require(difference < TOLERANCE, f"its result is {difference:.2g} of its size off")


def _checkpoint(graph: Graph, weights: dict[str, Tensor]) -> Checkpoint:
    data = graph.nodes[DATA]
    return Checkpoint(
        weights=weights,
        graph=graph,
        grid=Grid(data.latitudes.numpy(), data.longitudes.numpy()),
        statistics=STATISTICS,
        variables=VARIABLES,
        units={},
        frequency=np.timedelta64(6 * 3600, "s"),
        configuration={},
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


def _run_model(encoder: Any, processor: Any, decoder: Any) -> Tensor:
    graph = small_graph()
    data, hidden = graph.nodes[DATA], graph.nodes[HIDDEN]
    channels_in = ForecastModel.channels_in(VARIABLES, FORCINGS, 2)
    torch.manual_seed(0)
    model = ForecastModel(
        encoder=encoder(
            source=data,
            target=hidden,
            edges=graph.edges[DATA, HIDDEN],
            source_channels=channels_in,
            target_channels=3,
            channels=CHANNELS,
            out_channels=CHANNELS,
        ),
        processor=processor(nodes=hidden, edges=graph.edges[HIDDEN, HIDDEN], channels=CHANNELS),
        decoder=decoder(
            source=hidden,
            target=data,
            edges=graph.edges[HIDDEN, DATA],
            source_channels=CHANNELS,
            target_channels=channels_in,
            channels=CHANNELS,
            out_channels=len(VARIABLES),
        ),
        hidden=hidden,
        variables=VARIABLES,
        forcings=FORCINGS,
        statistics=STATISTICS,
        input_steps=2,
    )
    states = torch.randn(2, 2, 3, len(data), len(VARIABLES))
    out: Tensor = model(states, torch.randn(2, len(data), len(FORCINGS)))
    require(
        out.shape == states[:, 0].shape,
        f"the model gives {tuple(out.shape)}, not {tuple(states[:, 0].shape)}",
    )
    require(out.isfinite().all(), "the model gives values that are not finite")
    backward(out.sum())
    return out
