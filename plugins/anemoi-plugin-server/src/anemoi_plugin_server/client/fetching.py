"""Fetches the files of a result: what is there already is gone on with, and what comes is verified."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Any, Final

import httpx
from anemoi.core.errors import DataError, ResourceError

from .answers import check

PART: Final = 1 << 20


def fetch_file(http: httpx.Client, path: str, entry: dict[str, Any], directory: Path) -> Path:
    """Fetch one file, unless it is there already.

    It takes its name when it is whole and right. What has come before an interruption is kept beside it under
    a hidden name, and gone on with.

    Parameters
    ----------
    http
        The connection.
    path
        What the paths of the files begin with on the server.
    entry
        ``path``, ``size`` and ``sha256``, as the manifest has them.
    directory
        Where the file goes, under its path.

    Raises
    ------
    DataError
        If it is not as the manifest says, or the manifest names a place outside of the directory.
    ResourceError
        If it cannot be written.
    """
    target = directory / _inside(entry["path"])
    if _is(target, entry):
        return target
    partial = target.with_name(f".{target.name}.{entry['sha256'][:8]}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(http, f"{path}/{entry['path']}", entry, partial)
        if not _is(partial, entry):
            partial.unlink()
            raise DataError(
                f"{entry['path']} is not what the manifest of the result says.", fix="Fetch it again."
            )
        os.replace(partial, target)
    except OSError as error:
        raise ResourceError.kind(error)(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _receive(http: httpx.Client, path: str, entry: dict[str, Any], partial: Path) -> None:
    have = partial.stat().st_size if partial.is_file() else 0
    if have >= entry["size"] > 0:
        return
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{entry["sha256"]}"'} if have else {}
    headers["Accept-Encoding"] = "identity"  # the bytes of the file, not of a compressed copy
    with http.stream("GET", path, headers=headers) as answer:
        check(answer)
        with partial.open("ab" if answer.status_code == httpx.codes.PARTIAL_CONTENT else "wb") as file:
            for part in answer.iter_bytes(PART):
                file.write(part)


def _inside(path: str) -> PurePosixPath:
    """A path of a manifest, which leads to nowhere but below the directory."""
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts or "\\" in path or not found.name:
        raise DataError(f"The result has a file {path!r}, outside of it.", fix="Do not trust this server.")
    return found


def _is(path: Path, entry: dict[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != entry["size"]:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(PART):
            digest.update(part)
    return digest.hexdigest() == str(entry["sha256"])
