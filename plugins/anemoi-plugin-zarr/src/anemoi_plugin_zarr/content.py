"""What a store holds, as a hash: of its chunks as they lie there, and of its attributes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from .processors import processors
from .store import open_group, reopen_group

_ROOT = {".zattrs", ".zmetadata", "zarr.json"}
"""Where the attributes of the whole are, which hold the hash themselves."""

_JOURNAL = "creation"
"""What is taken away when a data set is finished."""


def record_content(path: Path) -> None:
    """Write the hash of what the store in the directory ``path`` holds into its provenance."""
    attributes = reopen_group(path).attrs
    attributes["provenance"] = {**(attributes.get("provenance") or {}), "content": content(path)}


def content(path: str | Path) -> str | None:
    """Compute the hash of a directory or of a zip file, the same for both; None for an object store."""
    place = Path(path)
    if place.is_dir():
        held = [
            file
            for file in place.rglob("*")
            if file.is_file() and file.relative_to(place).parts[0] != _JOURNAL
        ]
        with ThreadPoolExecutor(processors()) as pool:
            found = pool.map(lambda file: _digest(file.open("rb")), held)
            names = [file.relative_to(place).as_posix() for file in held]
            digests = dict(zip(names, found, strict=True))
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            digests = {name: _digest(archive.open(name)) for name in names}
    else:
        return None
    attributes = dict(open_group(str(path)).attrs)
    attributes["provenance"] = {
        name: value for name, value in (attributes.get("provenance") or {}).items() if name != "content"
    }
    files = {name: digest for name, digest in digests.items() if name not in _ROOT}
    whole = json.dumps({"files": files, "attributes": attributes}, sort_keys=True)
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _digest(opened: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with opened as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
