"""Provenance in one line of JSON at the end of a file, for formats that have no other place for it.

The line is ``{"anemoi": {...}}``, within a comment where the format needs one. Readers of GRIB look for the
next message and skip it; those of HTML skip comments. It comes and goes with the file, which another file
beside it would not. ``content`` in it is the hash of all that stands before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST = 1 << 24
_WORDS = re.compile("GRIB|BUFR|BUDG|TIDE|DIAG|HDF5|7777|--")
"""Where readers think that a message begins or ends, or a comment."""


def trailer(document: Mapping[str, Any], content: str, *, comment: tuple[str, str] = ("", "")) -> bytes:
    """Write the line that ends a file.

    Parameters
    ----------
    document
        The provenance, as JSON.
    content
        The hash of all that stands before: ``sha256:...``.
    comment
        What begins and what ends a comment, where the line is to be one.
    """
    text = json.dumps({"anemoi": {**document, "content": content}})
    harmless = _WORDS.sub(lambda word: f"{word[0][:-1]}\\u{ord(word[0][-1]):04x}", text)
    return f"\n{comment[0]}{harmless}{comment[1]}\n".encode()


@dataclass(frozen=True)
class Trailer:
    """What the last line of a file says, and how many bytes stand before it."""

    document: Mapping[str, Any]
    size: int


def read_trailer(path: Path) -> Trailer | None:
    """Read the line that ends a file; None if it is not such a line."""
    with path.open("rb") as file:
        whole = file.seek(0, 2)
        before = max(whole - _LONGEST, 0)
        file.seek(before)
        tail = file.read()
    begin = tail.rfind(b"\n", 0, -1)
    line = tail[begin + 1 :]
    found = re.search(rb'\{"anemoi": .*\}', line)
    try:
        document = json.loads(found[0])["anemoi"] if found is not None and begin >= 0 else None
    except ValueError:
        return None
    return Trailer(document, before + begin) if isinstance(document, dict) else None


def content_before(path: Path, size: int) -> str:
    """Compute the hash of the first ``size`` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size and (block := file.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return f"sha256:{digest.hexdigest()}"
