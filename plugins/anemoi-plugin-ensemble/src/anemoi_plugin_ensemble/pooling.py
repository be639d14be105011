"""Checkpoints that were trained apart, put together into one whose forecasts have members of each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import FORECAST_SECTIONS, container, layout, lock
from anemoi.core.checkpoint.contents import Contents, Stored
from anemoi.core.errors import CheckpointError, RequestError
from anemoi.core.provenance import provenance

MODEL = "pool"
NETWORK = f"{container.WEIGHTS}network."
"""What the names of a network's weights begin with."""

ALIKE = (*FORECAST_SECTIONS, "dates", "domains.*.dates")
"""What of a configuration must be the same: how a forecast is made, and from when on it can be judged."""

_SHOWN = 10  # differences: of another configuration nearly all weights are others


def pool(
    checkpoints: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write one checkpoint with the networks of several.

    Parameters
    ----------
    checkpoints
        Trained alike, from other seeds or for longer: of the same data, graph and components.
    path
        The checkpoint to make. Of their configurations it has what they share.
    overwrite
        Whether a file at ``path`` may be replaced.

    Raises
    ------
    RequestError
        If there are fewer than two, or two have the same weights.
    CheckpointError
        If one cannot be read or is not like the first, which differences are told; or the file cannot be
        written.
    """
    path, found = Path(path), [container.read(Path(each)) for each in checkpoints]
    _check(found)
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} is there already.", fix="Choose another, or replace it: --overwrite")
    first, documents = found[0], [each.document for each in found]
    model = documents[0]["configuration"]["model"]
    configuration = {
        **_shared([each["configuration"] for each in documents]),
        "model": {"name": MODEL, "network": model, "count": len(found)},
    }
    period = documents[0]["provenance"].get("training_period")
    document = {
        **documents[0],
        "configuration": configuration,
        "overrides": _in_all([each["overrides"] for each in documents]),
        "lock": _lock(documents, configuration),
        "provenance": provenance(
            parents=[_parent(each) for each in found],
            kind="checkpoint",
            **({"training_period": period} if period else {}),
        ),
    }
    networks = {
        f"{NETWORK}pooled.{number}.{name.removeprefix(NETWORK)}": tensor
        for number, each in enumerate(found)
        for name, tensor in each.tensors.items()
        if name.startswith(NETWORK)
    }
    others = {name: tensor for name, tensor in first.tensors.items() if not name.startswith(NETWORK)}
    tensors = {name: layout.tensor(stored) for name, stored in {**networks, **others}.items()}
    container.write(path, tensors, document)
    return path


def _check(found: Sequence[Contents]) -> None:
    if len(found) < 2:
        raise RequestError(
            f"A pool is of two checkpoints or more, and {len(found)} is given.",
            fix="Train another from another seed: anemoi train training.seed=1",
        )
    for each in found:
        if each.document["configuration"]["model"].get("name") == MODEL:
            raise CheckpointError(
                f"{each.path} is a pool itself.", fix="Give the checkpoints that it was made of."
            )
    for one, other in combinations(found, 2):
        if _same_weights(one, other):
            raise RequestError(
                f"{one.path} and {other.path} have the same weights, and would count as two.",
                fix="Give each once, or train another from another seed: anemoi train training.seed=1",
            )
    for other in found[1:]:
        if differences := list(_differences(found[0], other)):
            more = len(differences) - _SHOWN
            shown = [*differences[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
            raise CheckpointError(
                f"{found[0].path} and {other.path} cannot share a forecast. They differ in:\n  "
                + "\n  ".join(shown),
                fix="Pool checkpoints of one configuration, trained from other seeds.",
            )


def _same_weights(one: Contents, other: Contents) -> bool:
    return all(
        name in other.tensors and tensor.data == other.tensors[name].data
        for name, tensor in one.tensors.items()
        if name.startswith(NETWORK)
    )


def _differences(first: Contents, other: Contents) -> Iterator[str]:
    """What of two checkpoints is not the same and must be, in words."""
    ours, theirs = (_flat(each.document["configuration"]) for each in (first, other))
    for key in dict.fromkeys([*ours, *theirs]):
        if _must_be_alike(key) and ours.get(key) != theirs.get(key):
            yield f"{key}: {ours.get(key)} and {theirs.get(key)}"
    locks = [
        {
            entry["role"]: f"{entry['name']} of {entry['distribution']} {entry['version']}"
            for entry in each.document["lock"]
            if entry["needed"]
        }
        for each in (first, other)
    ]
    for role in dict.fromkeys([*locks[0], *locks[1]]):
        if locks[0].get(role) != locks[1].get(role):
            yield f"{role}: {locks[0].get(role)} and {locks[1].get(role)}"
    periods = [each.document["provenance"].get("training_period") for each in (first, other)]
    if periods[0] != periods[1]:
        yield f"training period: {periods[0]} and {periods[1]}"
    for part in ("domains", "graph"):
        if first.document[part] != other.document[part]:
            yield f"{part}: what the checkpoints say of it"
    for name in dict.fromkeys([*first.tensors, *other.tensors]):
        mine, its = first.tensors.get(name), other.tensors.get(name)
        if mine is None or its is None or (mine.dtype, mine.shape) != (its.dtype, its.shape):
            yield f"{name}: {_size(mine)} and {_size(its)}"
        elif not name.startswith(NETWORK) and mine.data != its.data:
            yield f"{name}: the values"


def _size(stored: Stored | None) -> str:
    return "not there" if stored is None else f"{stored.dtype} {list(stored.shape)}"


def _must_be_alike(key: str) -> bool:
    return any(fnmatchcase(key, section) or fnmatchcase(key, f"{section}.*") for section in ALIKE)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Each value that is no mapping, by its key."""
    found = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        found.update(_flat(value, f"{key}.") if isinstance(value, Mapping) and value else {key: value})
    return found


def _shared(configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all have, with the same value."""
    found = {}
    for key, value in configurations[0].items():
        values = [each[key] for each in configurations if key in each]
        nested = [each for each in values if isinstance(each, Mapping)]
        if len(nested) == len(configurations):
            found[key] = _shared(nested)
        elif values == [value] * len(configurations):
            found[key] = value
    return found


def _in_all(lists: Sequence[Sequence[Any]]) -> list[Any]:
    first, *others = lists
    return [each for each in first if all(each in other for other in others)]


def _lock(documents: Sequence[Mapping[str, Any]], configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is needed of the first, the pool itself, and what the trainings of all used."""
    itself = lock({"model": {"name": MODEL}, "objective": configuration["objective"]})[0]
    needed = [
        {**entry, "role": f"model.network{entry['role'].removeprefix('model')}"}
        if entry["role"].partition(".")[0] == "model"
        else entry
        for entry in documents[0]["lock"]
        if entry["needed"]
    ]
    training = [entry for entry in _in_all([each["lock"] for each in documents]) if not entry["needed"]]
    return [dataclasses.asdict(itself), *needed, *training]


def _parent(contents: Contents) -> dict[str, Any]:
    return {
        **contents.document["provenance"],
        "kind": "checkpoint",
        "identity": contents.identity,
        "path": str(contents.path.absolute()),
    }
