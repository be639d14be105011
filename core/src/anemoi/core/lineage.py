"""The line from a file back to the data, and whether what it names is still what it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from . import plugins
from .documents import content, read_document
from .errors import AnemoiError, CheckpointError, DataError, NotThereError, PluginError
from .trailer import content_before, read_trailer

Status = Literal["ok", "differs", "unreadable", "absent", "unknown"]


@dataclass(frozen=True)
class Artefact:
    """A file, or a directory, that says where it comes from.

    Parameters
    ----------
    path
        Where it lies.
    provenance
        What it says: ``identity``, ``kind``, ``parents``, each with the same, ``command``, ...
    content
        Computes the hash of what it holds; it gives None where none can be.
    """

    path: str
    provenance: Mapping[str, Any]
    content: Callable[[], str | None]


@dataclass(frozen=True)
class Finding:
    """Whether one artefact is still what it was.

    Parameters
    ----------
    artefact
        What it is: its kind, its identity, and its path where that is known.
    status
        ``ok``; ``differs``; ``unreadable``, if a part of it cannot be read; ``absent``, if it is not where it
        was; ``unknown``, if nothing tells.
    reason
        Why, in a few words.
    """

    artefact: str
    status: Status
    reason: str


def read(path: str | os.PathLike[str]) -> Artefact:
    """Read what a checkpoint, a data set, a forecast or a report says of where it comes from.

    Parameters
    ----------
    path
        A file, a directory, or an address that one of the outputs installed here knows.

    Raises
    ------
    DataError
        If it says nothing, or there is no such file.
    CheckpointError
        If it is a damaged checkpoint.
    """
    name = os.fspath(path)
    if not _exists(name):
        raise NotThereError(f"There is no {name}.")
    if (found := _find(name)) is None:
        raise DataError(
            f"{name} does not say where it comes from, or not in a way that an output installed here knows.",
            fix="To see which outputs there are: anemoi plugins list --kind output",
        )
    return found


def _exists(name: str) -> bool:
    return "://" in name or Path(name).exists()


def _find(name: str) -> Artefact | None:
    """Read what is there; None if it does not say where it comes from."""
    file = Path(name)
    if file.suffix == ".safetensors":
        return _checkpoint(file)
    if file.is_file() and (line := read_trailer(file)) is not None:
        return Artefact(name, line.document, lambda: content_before(file, line.size))
    if file.suffix == ".json" and file.is_file() and (made := read_document(file)) is not None:
        return Artefact(name, made["provenance"], lambda: content(made))
    for output in _outputs(file.suffix.removeprefix(".")):
        if (found := output.provenance_of(name)) is not None:
            return Artefact(name, found, partial(output.content_of, name))
    return None


def verify(path: str | os.PathLike[str]) -> list[Finding]:
    """Compute the hash of an artefact anew, and of those of its parents that are still where they were.

    What cannot be read is a finding, too.
    """
    name = os.fspath(path)
    try:
        found = read(name)
    except CheckpointError as error:
        return [Finding(f"checkpoint {name}", "differs" if Path(name).is_file() else "absent", error.what)]
    except NotThereError:
        return [Finding(name, "absent", "there is no such file")]
    except Exception as error:  # a plugin reads it, and what it makes of damage is not known
        return [Finding(name, "unreadable", _why(error))]
    about = title(found.provenance, found.path)
    findings = [_compare(about, found, found.provenance.get("content"))]
    seen = {os.path.realpath(path)}
    for parent in ancestors(found.provenance):
        where = parent.get("path")
        if where is None or (place := os.path.realpath(where)) in seen:
            continue
        seen.add(place)
        findings.append(_parent(parent, str(where)))
    return findings


def ancestors(provenance: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every parent, and the parents of each behind it."""
    for parent in provenance.get("parents", ()):
        yield parent
        yield from ancestors(parent)


def title(provenance: Mapping[str, Any], path: str | None = None) -> str:
    """What an artefact is called: its kind, its identity and its path."""
    known = (provenance.get("kind", "artefact"), provenance.get("identity", "without identity"))
    where = path or provenance.get("path")
    return " ".join(map(str, known)) + (f" ({where})" if where else "")


def _parent(parent: Mapping[str, Any], where: str) -> Finding:
    about = title(parent)
    if not _exists(where):
        return Finding(about, "absent", "it is not there any more")
    try:
        found = _find(where)
    except CheckpointError as error:
        return Finding(about, "differs", error.what)
    except Exception as error:
        return Finding(about, "unreadable", _why(error))
    if found is None and "content" not in parent:
        return Finding(about, "unknown", "it is of a format that keeps no provenance")
    if found is None:
        return Finding(about, "differs", "its provenance is missing now")
    if found.provenance.get("identity") != parent.get("identity"):
        return Finding(about, "differs", f"replaced by {title(found.provenance)}")
    return _compare(about, found, parent.get("content") or found.provenance.get("content"))


def _compare(about: str, found: Artefact, expected: Any) -> Finding:
    if expected is None:
        return Finding(about, "unknown", "it keeps no hash of its contents")
    try:
        content = found.content()
    except Exception as error:
        return Finding(about, "unreadable", _why(error))
    if content is None:
        return Finding(about, "unknown", "no hash can be computed there")
    if content == expected:
        return Finding(about, "ok", "contents unchanged")
    return Finding(about, "differs", f"its hash is {content}, and was {expected}")


def _why(error: Exception) -> str:
    if isinstance(error, AnemoiError):
        return error.what
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _checkpoint(path: Path) -> Artefact:
    from .checkpoint import inspect

    found = inspect(path)  # which compares it with the hash that is its identity
    document = found.document
    about = {
        **document["provenance"],
        "kind": "checkpoint",
        "identity": found.identity,
        "content": found.identity,
        "overrides": document["overrides"],
        "lock": document["lock"],
    }
    return Artefact(str(path), about, lambda: found.identity)


def _outputs(first: str) -> Iterator[Any]:
    """The outputs that can be loaded, each once, that of a name first."""
    seen = set()
    for component in sorted(plugins.components("output"), key=lambda each: each.name != first):
        with suppress(PluginError):
            output = plugins.load("output", component.full_name)
            if output not in seen:
                seen.add(output)
                yield output
