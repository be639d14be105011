"""The file that holds the state of a training: tensors and one JSON document in safetensors, never a pickle.

What optimisers, schedules and generators know is a tree of dictionaries, lists, numbers and tensors. The
tensors are stored by their place in the tree, and the document is the tree with a mark in the place of each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from anemoi.core.errors import CheckpointError
from anemoi.core.files import write_whole
from torch import Tensor

FORMAT = "anemoi-training-state"
FORMAT_VERSION = 1

_MARK = "$"
"""The key of a dictionary that stands for what JSON does not have: a tensor, a tuple, infinity."""


def packed(tree: Any) -> tuple[Any, dict[str, Tensor]]:
    """Part a tree into a JSON document and copies of its tensors, on CPU.

    The copies stay as they are when the training goes on.

    Raises
    ------
    CheckpointError
        If something in the tree is neither JSON nor a tensor.
    """
    tensors: dict[str, Tensor] = {}

    def pack(value: Any, place: str) -> Any:
        if isinstance(value, Tensor):
            tensors[place] = value.detach().cpu().clone().contiguous()
            return {_MARK: "tensor", "name": place}
        if isinstance(value, Mapping):
            items = {key: pack(each, f"{place}/{key}") for key, each in value.items()}
            if all(isinstance(key, str) and key != _MARK for key in items):
                return items
            return {_MARK: "items", "items": [[key, each] for key, each in items.items()]}
        if isinstance(value, (list, tuple)):
            listed = [pack(each, f"{place}/{number}") for number, each in enumerate(value)]
            return listed if isinstance(value, list) else {_MARK: "tuple", "items": listed}
        if isinstance(value, float) and not math.isfinite(value):
            return {_MARK: "float", "value": str(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise CheckpointError(
            f"The state of the training cannot be saved: {place.strip('/')} is a {type(value).__name__}.",
            fix="Optimisers and schedules may keep numbers, text, tensors, lists and dictionaries.",
        )

    return pack(tree, ""), tensors


def unpacked(document: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Put a tree together again."""
    if isinstance(document, list):
        return [unpacked(each, tensors) for each in document]
    if not isinstance(document, dict):
        return document
    kind = document.get(_MARK)
    if kind is None:
        return {key: unpacked(each, tensors) for key, each in document.items()}
    if kind == "tensor":
        return tensors[document["name"]]
    if kind == "tuple":
        return tuple(unpacked(each, tensors) for each in document["items"])
    if kind == "items":
        return {key: unpacked(each, tensors) for key, each in document["items"]}
    return float(document["value"])


def write(path: Path, document: Any, tensors: Mapping[str, Tensor]) -> None:
    """Write what :func:`packed` gave, whole or not at all, and durably.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "document": json.dumps(document, separators=(",", ":"), allow_nan=False),
    }
    write_whole(path, safetensors.torch.save(dict(tensors), metadata), durable=True)


def read(path: Path) -> Any:
    """Read a state as the tree that it was.

    Raises
    ------
    CheckpointError
        If it is missing, damaged, foreign or of a newer format.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"The state {path} cannot be read: {error}.") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not the state of a training.")
    if int(metadata["format_version"]) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format {metadata['format_version']}, and {FORMAT_VERSION} is the newest known here.",
            fix="pip install --upgrade anemoi-plugin-training",
        )
    return unpacked(json.loads(metadata["document"]), tensors)
