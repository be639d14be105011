"""What a checkpoint says, read without torch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import container
from .contents import Contents
from .plugin_lock import LockEntry


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint says about itself.

    Parameters
    ----------
    path, size
        The file, and how many bytes it has.
    format_version, identity
        Of the file; ``identity`` is the content hash.
    document
        All that it says in words and numbers: see docs/checkpoint.md.
    lock
        The plugins that it was trained with.
    nodes, edges
        How many there are in the graph, by name (``data -> hidden``); none without a graph.
    points
        How many points the grid of each domain has.
    parameters
        How many numbers the weights are.
    spacing
        Roughly how far apart the grid points of each domain are, in kilometres: the square root of the area
        for each, of the box of latitudes and longitudes that holds them.
    """

    path: Path
    size: int
    format_version: int
    identity: str
    document: Mapping[str, Any]
    lock: tuple[LockEntry, ...]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]
    points: Mapping[str, int]
    parameters: int
    spacing: Mapping[str, float]


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read and verify what a checkpoint says. Imports neither torch nor any plugin.

    Raises
    ------
    CheckpointError
        If it is missing, foreign, of a newer format, truncated or altered.
    """
    contents = container.read(Path(path))
    tensors, document = contents.tensors, contents.document
    try:
        graph = document["graph"] or {"nodes": [], "edges": []}
        return Inspection(
            path=contents.path,
            size=contents.size,
            format_version=contents.format_version,
            identity=contents.identity,
            document=document,
            lock=tuple(LockEntry(**entry) for entry in document["lock"]),
            nodes={name: tensors[f"graph/nodes/{name}/latitudes"].shape[0] for name in graph["nodes"]},
            edges={
                f"{edge['source']} -> {edge['target']}": tensors[
                    f"graph/edges/{edge['source']}/{edge['target']}/source"
                ].shape[0]
                for edge in graph["edges"]
            },
            points={name: tensors[f"domains/{name}/latitudes"].shape[0] for name in document["domains"]},
            parameters=sum(
                math.prod(stored.shape)
                for name, stored in tensors.items()
                if name.startswith(container.WEIGHTS)
            ),
            spacing={name: _spacing(contents, name) for name in document["domains"]},
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise container.not_as_its_format(contents.path, error) from error


_EARTH_RADIUS = 6371.0  # km


def _spacing(contents: Contents, domain: str) -> float:
    latitudes, longitudes = (
        np.deg2rad(contents.tensors[f"domains/{domain}/{axis}"].array())
        for axis in ("latitudes", "longitudes")
    )
    band = np.sin(latitudes.max()) - np.sin(latitudes.min())
    area = band * min(longitudes.max() - longitudes.min(), 2 * math.pi)
    return float(_EARTH_RADIUS * math.sqrt(area / len(latitudes)))
