"""The check of a layer within a whole model, beside the layers of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..graph import DATA, HIDDEN
from ..model import ForecastModel, ModelStatistics
from ..plugins import components, load
from ._bench import CHANNELS, backward, conditioned
from ._check import Subject, contract, require
from ._graphs import small_graph
from ._reference import MeanMapper, MeanProcessor

VARIABLES = ("a", "b")
FORCINGS = ("c",)


@contract(after=("keeps_its_shape", "keeps_float32"))
def works_beside_other_layers(subject: Subject) -> None:
    """In a model of two states and three members it works beside any other layer, at either end."""
    if "condition_channels" in subject.options:
        subject = conditioned(subject, 0)  # Nothing here knows a condition.
    if subject.kind == "processor":
        _run_model(MeanMapper, subject.build, MeanMapper)
        return
    _run_model(subject.build, MeanProcessor, MeanMapper)
    _run_model(MeanMapper, MeanProcessor, subject.build)
    for name, processor in _other_processors():
        fault = _fault_beside(processor, subject.build)
        require(not fault, f"beside the processor {name} it fails: {fault}")


def _fault_beside(processor: Any, mapper: Any) -> str:
    try:
        _run_model(mapper, processor, mapper)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _other_processors() -> Iterator[tuple[str, Any]]:
    """The processors installed here that work beside the simplest mapper, with their default options."""
    for component in components("processor"):
        if component.state != "ok":
            continue
        try:
            processor = load("processor", component.full_name)
            _run_model(MeanMapper, processor, MeanMapper)
        except Exception:
            continue  # Whatever is wrong with it is no fault of the mapper's.
        yield component.full_name, processor


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
        statistics=ModelStatistics(torch.zeros(2), torch.ones(2), torch.ones(2)),
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
