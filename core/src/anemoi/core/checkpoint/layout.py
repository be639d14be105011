"""How a checkpoint holds graphs and domains: words in its document, and tensors. See docs/checkpoint.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..domain import Domain, Statistics
from ..graph import Edges, Graph, Nodes
from ..grid import Grid
from ..steps import Steps
from ..times import format_duration, parse_duration
from ..variable import Variable
from .contents import Stored

_TORCH = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool,
}  # fmt: skip
_STATISTICS = ("mean", "stdev", "minimum", "maximum")


def tensor(stored: Stored) -> Tensor:
    """Read a tensor; a copy of its own."""
    flat = torch.frombuffer(bytearray(stored.data), dtype=_TORCH[stored.dtype]) if stored.data else None
    return torch.empty(stored.shape, dtype=_TORCH[stored.dtype]) if flat is None else flat.view(stored.shape)


def graph_tensors(graph: Graph | None) -> dict[str, Tensor]:
    """The tensors of a graph."""
    if graph is None:
        return {}
    tensors = {}
    for name, nodes in graph.nodes.items():
        tensors[f"graph/nodes/{name}/latitudes"] = nodes.latitudes
        tensors[f"graph/nodes/{name}/longitudes"] = nodes.longitudes
        for attribute, values in nodes.attributes.items():
            tensors[f"graph/nodes/{name}/attributes/{attribute}"] = values
    for (source, target), edges in graph.edges.items():
        prefix = f"graph/edges/{source}/{target}"
        tensors[f"{prefix}/source"] = edges.source
        tensors[f"{prefix}/target"] = edges.target
        tensors[f"{prefix}/attributes"] = edges.attributes
    return tensors


def describe_graph(graph: Graph | None) -> dict[str, Any] | None:
    """What the document says of a graph."""
    if graph is None:
        return None
    known = {name: list(nodes.attributes) for name, nodes in graph.nodes.items() if nodes.attributes}
    return {
        "nodes": list(graph.nodes),
        "edges": [
            {"source": source, "target": target, "attributes": list(edges.attribute_names)}
            for (source, target), edges in graph.edges.items()
        ],
        **({"node_attributes": known} if known else {}),
    }


def read_graph(said: Mapping[str, Any] | None, tensors: Mapping[str, Tensor]) -> Graph | None:
    """Put a graph together from what :func:`describe_graph` and :func:`graph_tensors` made of it."""
    if said is None:
        return None
    nodes = {}
    for name in said["nodes"]:
        prefix = f"graph/nodes/{name}"
        latitudes, longitudes = (tensors[f"{prefix}/{axis}"] for axis in ("latitudes", "longitudes"))
        known = said.get("node_attributes", {}).get(name, [])
        of_nodes = {each: tensors[f"{prefix}/attributes/{each}"] for each in known}
        nodes[name] = Nodes(latitudes, longitudes, of_nodes)
    edges = {}
    for edge in said["edges"]:
        prefix = f"graph/edges/{edge['source']}/{edge['target']}"
        source, target, attributes = (
            tensors[f"{prefix}/{part}"] for part in ("source", "target", "attributes")
        )
        names = tuple(edge["attributes"])
        edges[edge["source"], edge["target"]] = Edges(source, target, attributes, names)
    return Graph(nodes, edges)


def domain_tensors(domains: Mapping[str, Domain]) -> dict[str, Tensor]:
    """The tensors of domains."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, domain in domains.items():
        prefix = f"domains/{name}"
        arrays[f"{prefix}/latitudes"] = domain.grid.latitudes
        arrays[f"{prefix}/longitudes"] = domain.grid.longitudes
        for which, statistics in (("statistics", domain.statistics), ("changes", domain.changes)):
            for each in _STATISTICS:
                arrays[f"{prefix}/{which}/{each}"] = np.asarray(getattr(statistics, each), np.float64)
        for which, by_name in (
            ("constants", domain.constants),
            ("missing", domain.missing),
            ("measured", domain.measured),
        ):
            for variable, values in by_name.items():
                arrays[f"{prefix}/{which}/{variable}"] = values
    return {name: torch.tensor(array) for name, array in arrays.items()}


def describe_domain(domain: Domain, steps: Steps) -> dict[str, Any]:
    """What the document says of a domain; times in seconds."""
    shape = domain.grid.field_shape
    return {
        "variables": [variable.to_dict() for variable in domain.variables],
        "frequency": format_duration(domain.frequency),
        "field_shape": None if shape is None else list(shape),
        "steps": {
            "inputs": [_seconds(offset) for offset in steps.inputs],
            "outputs": [_seconds(offset) for offset in steps.outputs],
            "step": _seconds(steps.step),
            "interval": _seconds(steps.interval),
        },
        "constants": list(domain.constants),
        "missing": list(domain.missing),
        "measured": list(domain.measured),
    }


def read_domain(name: str, said: Mapping[str, Any], tensors: Mapping[str, Stored]) -> Domain:
    """Read a domain back."""

    def array(key: str) -> NDArray[Any]:
        return tensors[f"domains/{name}/{key}"].array().copy()

    shape = said["field_shape"]
    return Domain(
        variables=tuple(Variable.from_dict(variable) for variable in said["variables"]),
        grid=Grid(array("latitudes"), array("longitudes"), None if shape is None else tuple(shape)),
        frequency=parse_duration(said["frequency"]),
        statistics=Statistics(*(array(f"statistics/{each}") for each in _STATISTICS)),
        changes=Statistics(*(array(f"changes/{each}") for each in _STATISTICS)),
        constants={each: array(f"constants/{each}") for each in said["constants"]},
        missing={each: array(f"missing/{each}") for each in said["missing"]},
        measured={each: array(f"measured/{each}") for each in said["measured"]},
    )


def read_steps(said: Mapping[str, Any]) -> Steps:
    """Read steps back."""
    return Steps(
        inputs=tuple(_offset(seconds) for seconds in said["inputs"]),
        outputs=tuple(_offset(seconds) for seconds in said["outputs"]),
        step=_offset(said["step"]),
        interval=_offset(said["interval"]),
    )


def _seconds(offset: np.timedelta64) -> int:
    return int(offset / np.timedelta64(1, "s"))


def _offset(seconds: int) -> np.timedelta64:
    return np.timedelta64(int(seconds), "s")
