"""What a store holds, as a hash: of its chunks as they lie there, and of its attributes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from .processors import processors
from .store import local_path, open_group, reopen_group

_ROOT = {".zattrs", ".zmetadata", "zarr.json"}
"""Where the attributes of the whole are, which hold the hash themselves."""

_JOURNAL = "creation"
"""What is taken away when a data set is finished."""


def record_content(path: Path) -> None:
    """Write the hash of what the store in the directory ``path`` holds into its provenance."""
    attributes = reopen_group(path).attrs
    attributes["provenance"] = {**(attributes.get("provenance") or {}), "content": content(str(path))}


def content(path: str) -> str | None:
    """Compute the hash of a directory, of a zip file or of what is in an object store, the same for all.

    It is None for a web server, which does not say what it has.

    Raises
    ------
    DataError
        If an object store does not answer.
    """
    found = _digests(path)
    if found is None:
        return None
    attributes = dict(open_group(path).attrs)
    attributes["provenance"] = {
        name: value for name, value in (attributes.get("provenance") or {}).items() if name != "content"
    }
    files = {
        name: digest
        for name, digest in found.items()
        if name not in _ROOT and name.partition("/")[0] != _JOURNAL
    }
    whole = json.dumps({"files": files, "attributes": attributes}, sort_keys=True)
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _digests(path: str) -> dict[str, str] | None:
    """The hash of each thing that the store holds, by its key."""
    place = local_path(path)
    if place is None:
        from .remote import objects

        there = objects(path)
        if there is None:
            return None
        return _in_threads(there.keys, lambda key: hashlib.sha256(there.read(key)).hexdigest())
    if place.is_dir():
        keys = [file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file()]
        return _in_threads(keys, lambda key: _digest((place / key).open("rb")))
    with zipfile.ZipFile(place) as archive:
        keys = [name for name in archive.namelist() if not name.endswith("/")]
        return {key: _digest(archive.open(key)) for key in keys}


def _in_threads(keys: Sequence[str], digest: Callable[[str], str]) -> dict[str, str]:
    with ThreadPoolExecutor(processors()) as pool:
        return dict(zip(keys, pool.map(digest, keys), strict=True))


def _digest(opened: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with opened as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
