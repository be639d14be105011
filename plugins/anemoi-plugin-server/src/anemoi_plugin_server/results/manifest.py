"""What a result consists of, as its manifest says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from anemoi.core.errors import NotThereError

_CONSOLIDATED: Final = ".zmetadata"
_DESCRIBING: Final = (".zgroup", ".zarray", ".zattrs")


@dataclass(frozen=True)
class Entry:
    """A file of a result.

    Parameters
    ----------
    place
        Where it is.
    size
        How many bytes it has.
    sha256
        Of its contents.
    """

    place: Path
    size: int
    sha256: str

    def open(self) -> BinaryIO:
        """Open it to read."""
        return self.place.open("rb")


@dataclass(frozen=True)
class Made:
    """A file that is made of others when it is read.

    Parameters
    ----------
    text
        What it holds.
    """

    text: str

    @property
    def sha256(self) -> str:
        """Of its contents."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.text.encode())

    def open(self) -> BinaryIO:
        """Open it to read."""
        return BytesIO(self.text.encode())


@dataclass(frozen=True, eq=False)
class Manifest:
    """The manifest of a result. Paths that it does not name do not exist, whatever they lead to.

    Parameters
    ----------
    document
        As it was written: ``digest``, ``kind``, ``created``, ``files`` and ``provenance``.
    entries
        The files by their paths.
    """

    document: Mapping[str, Any]
    entries: Mapping[str, Entry]

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read that of the result in a directory; results do not change, so it is read once.

        Raises
        ------
        NotThereError
            If there is none.
        """
        try:
            return _read(directory)
        except FileNotFoundError:
            raise NotThereError("The result is no longer there.", fix="Run the job again.") from None

    def entry(self, path: str) -> Entry | Made:
        """A file by its path.

        The metadata of a Zarr store that was written without consolidating them are consolidated here,
        because a store is read over HTTP without listing it.

        Raises
        ------
        NotThereError
            If it is none of the result.
        """
        if path in self.entries:
            return self.entries[path]
        root = path.removesuffix(_CONSOLIDATED)
        if path.endswith(_CONSOLIDATED) and f"{root}.zgroup" in self.entries:
            return Made(self._consolidated(root))
        raise NotThereError(
            f"The result has no file {path!r}.", fix="Its manifest, one path up from /files/, lists them."
        )

    def members(self, directory: str) -> Mapping[str, Entry | Made]:
        """The files of a directory by their paths in it; those of a Zarr store with consolidated metadata.

        Raises
        ------
        NotThereError
            If the result has no such directory.
        """
        root = f"{directory}/"
        found: dict[str, Entry | Made] = {
            path.removeprefix(root): entry for path, entry in self.entries.items() if path.startswith(root)
        }
        if not found:
            raise NotThereError(
                f"The result has no directory {directory!r}.", fix="Its manifest lists its files."
            )
        if ".zgroup" in found:
            found[_CONSOLIDATED] = self.entry(f"{root}{_CONSOLIDATED}")
        return found

    def _consolidated(self, root: str) -> str:
        found = {
            path.removeprefix(root): json.loads(entry.place.read_text(encoding="utf-8"))
            for path, entry in self.entries.items()
            if path.startswith(root) and path.rpartition("/")[2] in _DESCRIBING
        }
        return json.dumps({"zarr_consolidated_format": 1, "metadata": found})


@lru_cache(maxsize=64)
def _read(directory: Path) -> Manifest:
    document = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    entries = {
        each["path"]: Entry(directory / "files" / each["path"], each["size"], each["sha256"])
        for each in document["files"]
    }
    return Manifest(document, entries)
