"""What a checkpoint says, read without torch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from . import container
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
        How many there are in the graph, by name (``data -> hidden``).
    parameters
        How many numbers the weights are.
    spacing
        Roughly how far apart the grid points are, in kilometres: the square root of the area for each,
        of the box of latitudes and longitudes that holds them.
    """

    path: Path
    size: int
    format_version: int
    identity: str
    document: Mapping[str, Any]
    lock: tuple[LockEntry, ...]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]
    parameters: int
    spacing: float


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read and verify what a checkpoint says. Imports neither torch nor any plugin.

    Raises
    ------
    CheckpointError
        If it is missing, foreign, of a newer format, truncated or altered.
    """
    contents = container.read(Path(path))
    entries, document = contents.entries, contents.document
    try:
        graph = document["graph"]
        return Inspection(
            path=contents.path,
            size=len(contents.data),
            format_version=contents.format_version,
            identity=contents.identity,
            document=document,
            lock=tuple(LockEntry(**entry) for entry in document["lock"]),
            nodes={name: entries[f"graph/nodes/{name}/latitudes"].shape[0] for name in graph["nodes"]},
            edges={
                f"{edge['source']} -> {edge['target']}": entries[
                    f"graph/edges/{edge['source']}/{edge['target']}/source"
                ].shape[0]
                for edge in graph["edges"]
            },
            parameters=sum(
                math.prod(entry.shape)
                for name, entry in entries.items()
                if name.startswith(container.WEIGHTS)
            ),
            spacing=_spacing(contents),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"The checkpoint {path} does not say what its format asks for: {error!r}"
        ) from error


_EARTH_RADIUS = 6371.0  # km


def _spacing(contents: container.Contents) -> float:
    latitudes, longitudes = (
        [math.radians(degrees) for degrees in contents.bytes_of(f"grid/{axis}").cast("d")]
        for axis in ("latitudes", "longitudes")
    )
    band = math.sin(max(latitudes)) - math.sin(min(latitudes))
    area = band * min(max(longitudes) - min(longitudes), 2 * math.pi)
    return _EARTH_RADIUS * math.sqrt(area / len(latitudes))
