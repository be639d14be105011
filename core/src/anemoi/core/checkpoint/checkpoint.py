"""A checkpoint in memory: made by a training, saved, loaded, and turned into a model again."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ..errors import AnemoiError, CheckpointError
from ..graph import Edges, Graph, Nodes
from ..grid import Grid
from ..model import ForecastModel, ModelStatistics, assemble
from ..times import format_duration, parse_duration
from . import container
from .plugin_lock import DifferentVersionWarning, LockEntry, compare, targets


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a forecast needs, and where it came from.

    Parameters
    ----------
    weights
        The model's ``state_dict()``.
    graph
        What the model is built on.
    grid
        Where the states lie: the points of the graph's data nodes, in their order.
    statistics
        Of the training period.
    variables, units
        What is forecast, in the order of the last axis of the state.
    frequency
        The time from one state to the next.
    configuration
        The whole training configuration, resolved; plain JSON.
    overrides
        What was given on the command line of the training.
    lock
        The plugins it was trained with, as :func:`anemoi.core.checkpoint.lock` finds them.
    provenance
        As :func:`anemoi.core.provenance.provenance` makes it: the data set it was trained on is its parent.
    identity
        The content hash, ``sha256:...``; None until it has been saved or loaded.
    path
        Where it was saved to or loaded from last.
    """

    weights: Mapping[str, Tensor]
    graph: Graph
    grid: Grid
    statistics: ModelStatistics
    variables: tuple[str, ...]
    units: Mapping[str, str]
    frequency: np.timedelta64
    configuration: Mapping[str, Any]
    overrides: tuple[str, ...]
    lock: tuple[LockEntry, ...]
    provenance: Mapping[str, Any]
    identity: str | None = None
    path: Path | None = None

    def as_parent(self) -> dict[str, Any]:
        """Say what it is in the provenance of what is made with it: its own, its identity and its path."""
        place = {} if self.path is None else {"path": str(self.path)}
        return {**self.provenance, "kind": "checkpoint", "identity": self.identity, **place}


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> Checkpoint:
    """Write a checkpoint, whole or not at all, replacing what was there; the same one gives the same bytes.

    Returns
    -------
    Checkpoint
        The same, with its ``identity``.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    identity = container.write(Path(path), _tensors(checkpoint), _document(checkpoint))
    return dataclasses.replace(checkpoint, identity=identity, path=Path(path).absolute())


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint and verify it. Nothing in it is ever executed.

    Raises
    ------
    CheckpointError
        If it is missing, foreign, of a newer format, truncated or altered.
    """
    contents = container.read(Path(path))
    try:
        tensors = safetensors.torch.load(contents.data)
        decoded = _decode(tensors, contents.document, contents.identity)
    except (
        AnemoiError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        safetensors.SafetensorError,
    ) as error:
        raise CheckpointError(
            f"The checkpoint {path} does not hold what its format asks for: {type(error).__name__}: {error}",
            fix="Ask who made it: it was not written by `anemoi train`.",
        ) from error
    return dataclasses.replace(decoded, path=Path(path).absolute())


def build_model(
    checkpoint: Checkpoint, *, trust_code: bool = False, allow_different_versions: bool = False
) -> ForecastModel:
    """Put the model together from the plugins that are installed, with the weights of the checkpoint.

    Parameters
    ----------
    trust_code
        Whether code that the configuration names by ``_target_``, outside any plugin, may run.
    allow_different_versions
        Whether plugins of other versions than the checkpoint's will do; they are warned about.

    Raises
    ------
    CheckpointError
        If a plugin is absent or has another version, if the configuration names code that is not
        trusted, or if the weights are not those of the model.
    """
    _check_trust(checkpoint.configuration["model"], trust_code)
    _check_lock(checkpoint.lock, allow_different_versions)
    model = assemble(
        _pinned(checkpoint),
        graph=checkpoint.graph,
        variables=checkpoint.variables,
        statistics=checkpoint.statistics,
        trust_code=trust_code,
    )
    _check_weights(checkpoint.weights, model.state_dict())
    model.load_state_dict(checkpoint.weights)
    return model


def _check_trust(configuration: Mapping[str, Any], trust_code: bool) -> None:
    if not trust_code and (named := sorted(set(targets(configuration)))):
        raise CheckpointError(
            f"The checkpoint's configuration asks to run code that is not in a plugin: {', '.join(named)}.",
            fix="If you trust that code, say so: --trust-code (in Python, trust_code=True).",
        )


def _check_lock(entries: tuple[LockEntry, ...], allow_different_versions: bool) -> None:
    mismatches = compare(entry for entry in entries if entry.needed)
    accepted = {"content", "version"} if allow_different_versions else {"content"}
    refused = [mismatch for mismatch in mismatches if mismatch.severity not in accepted]
    if refused:
        fixes = list(dict.fromkeys(mismatch.fix for mismatch in refused))
        if all(mismatch.severity == "version" for mismatch in refused):
            fixes.append("or go on with what is installed: --allow-different-versions")
        raise CheckpointError("\n".join(mismatch.message for mismatch in refused), fix="\n".join(fixes))
    for mismatch in mismatches:
        warnings.warn(mismatch.message, DifferentVersionWarning, stacklevel=3)


def _pinned(checkpoint: Checkpoint) -> dict[str, Any]:
    # Another distribution that offers the same name must neither win nor be in the way.
    distributions = {entry.role: entry.distribution for entry in checkpoint.lock}
    model = dict(checkpoint.configuration["model"])
    for role in ("encoder", "processor", "decoder"):
        if role in distributions and "name" in model[role]:
            name = str(model[role]["name"]).rpartition(":")[2]
            model[role] = {**model[role], "name": f"{distributions[role]}:{name}"}
    return {**checkpoint.configuration, "model": model}


def _check_weights(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    wrong = [f"missing: {name}" for name in expected if name not in found]
    wrong += [f"not in the model: {name}" for name in found if name not in expected]
    wrong += [
        f"{name} has shape {tuple(found[name].shape)}, the model {tuple(expected[name].shape)}"
        for name in expected
        if name in found and found[name].shape != expected[name].shape
    ]
    if wrong:
        shown = [*wrong[:10], f"and {len(wrong) - 10} more"] if len(wrong) > 10 else wrong
        raise CheckpointError(
            "The weights of the checkpoint are not those of the model that its configuration builds here:\n  "
            + "\n  ".join(shown),
            fix="Install exactly the plugins that it was trained with: anemoi checkpoint requirements FILE",
        )


def _tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    graph, statistics = checkpoint.graph, checkpoint.statistics
    tensors = {f"{container.WEIGHTS}{name}": tensor for name, tensor in checkpoint.weights.items()}
    for name, nodes in graph.nodes.items():
        tensors[f"graph/nodes/{name}/latitudes"] = nodes.latitudes
        tensors[f"graph/nodes/{name}/longitudes"] = nodes.longitudes
    for (source, target), edges in graph.edges.items():
        prefix = f"graph/edges/{source}/{target}"
        tensors[f"{prefix}/source"] = edges.source
        tensors[f"{prefix}/target"] = edges.target
        tensors[f"{prefix}/attributes"] = edges.attributes
    for field in dataclasses.fields(statistics):
        tensors[f"statistics/{field.name}"] = getattr(statistics, field.name)
    tensors["grid/latitudes"] = torch.tensor(checkpoint.grid.latitudes)
    tensors["grid/longitudes"] = torch.tensor(checkpoint.grid.longitudes)
    return tensors


def _document(checkpoint: Checkpoint) -> dict[str, Any]:
    shape = checkpoint.grid.field_shape
    return {
        "variables": list(checkpoint.variables),
        "units": dict(checkpoint.units),
        "frequency": format_duration(checkpoint.frequency),
        "grid": {"field_shape": None if shape is None else list(shape)},
        "graph": {
            "nodes": list(checkpoint.graph.nodes),
            "edges": [
                {"source": source, "target": target, "attributes": list(edges.attribute_names)}
                for (source, target), edges in checkpoint.graph.edges.items()
            ],
        },
        "configuration": checkpoint.configuration,
        "overrides": list(checkpoint.overrides),
        "lock": [dataclasses.asdict(entry) for entry in checkpoint.lock],
        "provenance": checkpoint.provenance,
    }


def _decode(tensors: Mapping[str, Tensor], document: Mapping[str, Any], identity: str) -> Checkpoint:
    nodes = {
        name: Nodes(tensors[f"graph/nodes/{name}/latitudes"], tensors[f"graph/nodes/{name}/longitudes"])
        for name in document["graph"]["nodes"]
    }
    edges = {}
    for edge in document["graph"]["edges"]:
        prefix = f"graph/edges/{edge['source']}/{edge['target']}"
        edges[edge["source"], edge["target"]] = Edges(
            tensors[f"{prefix}/source"],
            tensors[f"{prefix}/target"],
            tensors[f"{prefix}/attributes"],
            tuple(edge["attributes"]),
        )
    shape = document["grid"]["field_shape"]
    return Checkpoint(
        weights={
            name.removeprefix(container.WEIGHTS): value
            for name, value in tensors.items()
            if name.startswith(container.WEIGHTS)
        },
        graph=Graph(nodes, edges),
        grid=Grid(
            tensors["grid/latitudes"].numpy(),
            tensors["grid/longitudes"].numpy(),
            None if shape is None else tuple(shape),
        ),
        statistics=ModelStatistics(
            **{
                field.name: tensors[f"statistics/{field.name}"]
                for field in dataclasses.fields(ModelStatistics)
            }
        ),
        variables=tuple(document["variables"]),
        units=document["units"],
        frequency=parse_duration(document["frequency"]),
        configuration=document["configuration"],
        overrides=tuple(document["overrides"]),
        lock=tuple(LockEntry(**entry) for entry in document["lock"]),
        provenance=document["provenance"],
        identity=identity,
    )
