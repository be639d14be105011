"""Graphs as files: named tensors and one JSON document, in safetensors, never code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi.core.files import write_whole
from anemoi.core.graph import Edges, Graph, Nodes
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FORMAT = "anemoi-graph"
VERSION = 1


def write_graph(path: Path, graph: Graph, provenance: Mapping[str, Any]) -> None:
    """Write a graph, whole or not at all.

    Parameters
    ----------
    provenance
        Where it comes from: :func:`anemoi.core.provenance.provenance`.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    document = {
        "nodes": {name: list(nodes.attributes) for name, nodes in graph.nodes.items()},
        "edges": [
            {"source": source, "target": target, "attributes": list(edges.attribute_names)}
            for (source, target), edges in graph.edges.items()
        ],
        "provenance": provenance,
    }
    metadata = {
        "format": FORMAT,
        "format_version": str(VERSION),
        "identity": graph.identity,
        "document": json.dumps(document, allow_nan=False),
    }
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(graph).items()}
    try:
        write_whole(path, save(tensors, metadata))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix=f"Check that the directory {path.parent} exists, can be written and has room.",
        ) from error


def read_graph(path: Path) -> tuple[Graph, dict[str, Any]]:
    """Read a graph and its provenance, and verify it against its content hash.

    Raises
    ------
    DataError
        If there is no such file, or it is foreign, of a newer format, truncated or altered.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise DataError(
                    f"{path} is a safetensors file, but not a graph.",
                    fix="Give one that `anemoi graph build` or `anemoi graph convert` wrote.",
                )
            if metadata.get("format_version") != str(VERSION):
                raise DataError(
                    f"{path} has graph format {metadata.get('format_version')}, not {VERSION}.",
                    fix="Install a newer anemoi-plugin-graphs: pip install --upgrade anemoi-plugin-graphs",
                )
            document = json.loads(metadata["document"])
            graph = _graph(document, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(
            f"There is no graph {path}.", fix="Check the path, or build one: anemoi graph build"
        ) from None
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} is not a graph file, or is truncated: {error}",
            fix="A graph of another tool can be brought over: anemoi graph convert",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"The graph {path} does not hold what its format asks for: {error}") from error
    if graph.identity != metadata.get("identity"):
        raise DataError(
            f"The graph {path} was altered: its contents do not match its content hash.",
            fix="Copy it again from where it was made.",
        )
    return graph, document["provenance"]


def _tensors(graph: Graph) -> dict[str, Tensor]:
    tensors = {}
    for name, nodes in graph.nodes.items():
        tensors[f"nodes/{name}/latitudes"] = nodes.latitudes
        tensors[f"nodes/{name}/longitudes"] = nodes.longitudes
        for attribute, values in nodes.attributes.items():
            tensors[f"nodes/{name}/attributes/{attribute}"] = values
    for (source, target), edges in graph.edges.items():
        for part in ("source", "target", "attributes"):
            tensors[f"edges/{source}/{target}/{part}"] = getattr(edges, part)
    return tensors


def _graph(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Graph:
    try:
        nodes = {
            name: Nodes(
                tensors[f"nodes/{name}/latitudes"],
                tensors[f"nodes/{name}/longitudes"],
                {each: tensors[f"nodes/{name}/attributes/{each}"] for each in attributes},
            )
            for name, attributes in document["nodes"].items()
        }
        edges = {}
        for each in document["edges"]:
            prefix = f"edges/{each['source']}/{each['target']}"
            source, target, values = (
                tensors[f"{prefix}/{part}"] for part in ("source", "target", "attributes")
            )
            edges[each["source"], each["target"]] = Edges(source, target, values, tuple(each["attributes"]))
        return Graph(nodes, edges)
    except AnemoiError as error:
        raise ValueError(error.what) from error
