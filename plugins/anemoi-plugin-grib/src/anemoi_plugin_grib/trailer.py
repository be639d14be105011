"""The provenance of a GRIB file, in one line of JSON behind its last message.

GRIB has no place for it. Readers look for the next message and skip what lies between, so a line at the end
harms none, and it comes and goes with the file, which another file beside it would not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OPENING = b'7777\n{"anemoi":'
_LONGEST = 1 << 24
_WORDS = re.compile("GRIB|BUFR|BUDG|TIDE|DIAG|HDF5|7777")
"""What readers look for where a message begins or ends."""


def trailer(document: Mapping[str, Any]) -> bytes:
    """Write the line; no word in it can be taken for a message."""
    text = json.dumps({"anemoi": dict(document)})
    return b"\n" + _WORDS.sub(lambda word: f"{word[0][:3]}\\u{ord(word[0][3]):04x}", text).encode() + b"\n"


def read_trailer(path: Path) -> tuple[dict[str, Any], int] | None:
    """Read what the line says, and where the messages before it end; None if there is no such line."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        before = max(size - _LONGEST, 0)
        file.seek(before)
        tail = file.read()
    at = tail.rfind(_OPENING)
    end = at + len(b"7777")
    try:
        document = json.loads(tail[end:])["anemoi"] if at >= 0 else None
    except ValueError:
        return None
    return (document, before + end) if isinstance(document, dict) else None
