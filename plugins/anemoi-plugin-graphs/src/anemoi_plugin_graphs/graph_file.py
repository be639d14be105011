"""Graphs as files: named tensors and one JSON document, as a checkpoint holds them, never code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import layout
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi.core.files import write_whole
from anemoi.core.graph import Graph
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

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
    document = {"graph": layout.describe_graph(graph), "provenance": provenance}
    metadata = {
        "format": FORMAT,
        "format_version": str(VERSION),
        "identity": graph.identity,
        "document": json.dumps(document, allow_nan=False),
    }
    tensors = {name: tensor.contiguous() for name, tensor in layout.graph_tensors(graph).items()}
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
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        graph = layout.read_graph(document["graph"], tensors)
        if graph is None:
            raise ValueError("there is no graph")
    except FileNotFoundError:
        raise DataError(
            f"There is no graph {path}.",
            fix=f"Check the path, or build one: anemoi graph build data=NAME --output {path}",
        ) from None
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} is not a graph file, or is truncated: {error}",
            fix="A graph of another tool can be brought over: anemoi graph convert FILE",
        ) from error
    except DataError:
        raise
    except (AnemoiError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"The graph {path} does not hold what its format asks for: {error}") from error
    if graph.identity != metadata.get("identity"):
        raise DataError(
            f"The graph {path} was altered: its contents do not match its content hash.",
            fix="Copy it again from where it was made.",
        )
    return graph, document["provenance"]
