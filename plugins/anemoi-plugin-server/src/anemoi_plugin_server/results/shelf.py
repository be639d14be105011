"""The shelf: results by the digest of their contents, whole or not at all, each once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AnemoiError, DataError, ResourceError
from anemoi.core.files import hidden_beside, remove

MANIFEST: Final = "manifest.json"
FILES: Final = "files"
_PART: Final = 1 << 20


@dataclass(frozen=True)
class Kept:
    """A result on the shelf.

    Parameters
    ----------
    digest
        Of its contents: the SHA-256 of the list of its files.
    directory
        The directory of its manifest; the files are in ``files``.
    size
        In bytes.
    """

    digest: str
    directory: Path
    size: int


class Shelf:
    """The results of jobs, ``DIGEST/manifest.json`` and ``DIGEST/files/...``, which never change.

    Parameters
    ----------
    directory
        Where they are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, made: Path, *, kind: str) -> Kept:
        """Take the files of a directory, which stays as it is; nothing happens if the shelf has them already.

        Parameters
        ----------
        made
            What a job has made. The shelf has the same files under other names, and takes no more room,
            where the file system allows it.
        kind
            The kind of the job.

        Raises
        ------
        DataError
            If there is no file.
        ResourceError
            If the disk is full.
        """
        files = [*_described(made)]
        if not files:
            raise DataError("The command has left no file.", fix="See its log.")
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        kept = Kept(digest, self.directory / digest, sum(file["size"] for file in files))
        with suppress(FileNotFoundError):
            os.utime(kept.directory)  # before it is cleaned up, because no job has it any more
        if (kept.directory / MANIFEST).is_file():
            return kept
        manifest = {
            "digest": digest,
            "kind": kind,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "files": files,
            "provenance": _provenance(made),
        }
        partial = hidden_beside(kept.directory)
        try:
            for file in files:
                _take(made / file["path"], partial / FILES / file["path"])
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            with suppress(FileExistsError):  # another has been faster, with the same
                _rename(partial, kept.directory)
        except OSError as error:
            raise ResourceError(
                f"The result cannot be kept in {self.directory}: {error.strerror or error}.",
                fix="Make room there: remove results that nobody needs, or keep them for a shorter time.",
            ) from error
        finally:
            remove(partial)
        return kept

    def manifest(self, digest: str) -> Mapping[str, Any]:
        """The manifest of a result: ``digest``, ``kind``, ``created``, ``files`` and ``provenance``.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        text = (self.directory / digest / MANIFEST).read_text(encoding="utf-8")
        found: Mapping[str, Any] = json.loads(text)
        return found


def _described(made: Path) -> Iterator[dict[str, Any]]:
    """The path, the size and the hash of each file, in the order of their paths."""
    for path in sorted(each for top in _visible(made) for each in (top, *top.rglob("*")) if each.is_file()):
        name = path.relative_to(made).as_posix()
        yield {"path": name, "size": path.stat().st_size, "sha256": _hash(path)}


def _visible(made: Path) -> list[Path]:
    """What a directory holds but for journals and locks; within an artefact, such as a store, all counts."""
    return sorted(path for path in made.iterdir() if not path.name.startswith("."))


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_PART):
            digest.update(part)
    return digest.hexdigest()


def _provenance(made: Path) -> dict[str, Any]:
    """What each artefact says of where it comes from, by its name."""
    from anemoi.core.lineage import read

    found = {}
    for path in _visible(made):
        with suppress(AnemoiError):  # it says nothing
            found[path.name] = dict(read(path).provenance)
    return found


def _take(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _rename(partial: Path, directory: Path) -> None:
    try:
        partial.rename(directory)
    except OSError as error:
        if (directory / MANIFEST).is_file():
            raise FileExistsError(directory) from error
        raise
