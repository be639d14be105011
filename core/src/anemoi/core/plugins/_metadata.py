"""The header of a distribution's metadata, without the description below it, which takes longest to parse."""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Final

import importlib_metadata

from ..printable import printable

LONGEST: Final = 200
"""How many characters of a name, a version or a line are shown."""


@dataclass(frozen=True)
class Metadata:
    """What the metadata of a distribution say.

    Parameters
    ----------
    name, version
        As they are spelt there, if :func:`shown` leaves them so; the version may be anything, and empty.
    requires
        The ``Requires-Dist`` lines.
    requires_python
        The Python versions that it is for, as a specifier; may be empty.
    summary
        What it is, in one line; may be empty.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    requires_python: str
    summary: str


def distribution_called(name: str) -> importlib_metadata.Distribution | None:
    """Find an installed distribution, whether its metadata can be read or not; None if there is none."""
    try:
        return importlib_metadata.Distribution.from_name(name)
    except importlib_metadata.PackageNotFoundError:
        return None
    except (
        UnicodeDecodeError
    ):  # Of several of one name those with metadata come first, for which they are read.
        return next(iter(importlib_metadata.Distribution.discover(name=name)), None)


def read_metadata(distribution: importlib_metadata.Distribution) -> Metadata | None:
    """Read the metadata of a distribution, or None if they are absent, unreadable or without a name."""
    try:
        files = (distribution.read_text(name) for name in ("METADATA", "PKG-INFO", ""))
        text = next((text for text in files if text), "")
    except (OSError, UnicodeDecodeError):
        return None
    header = HeaderParser().parsestr(text.replace("\r\n", "\n").partition("\n\n")[0])
    if not header["Name"]:
        return None
    return Metadata(
        name=shown(str(header["Name"])),
        version=shown(str(header.get("Version", ""))),
        requires=tuple(shown(str(line), 1000) for line in header.get_all("Requires-Dist", [])),
        requires_python=shown(str(header.get("Requires-Python", ""))),
        summary=shown(str(header.get("Summary", ""))),
    )


def shown(text: str, longest: int = LONGEST) -> str:
    """Write what metadata say as one line that a terminal shows and does not act on, cut if too long."""
    # What is cut is cut first: the rest may be megabytes.
    line = printable(" ".join(text[: longest + 1].split()))
    return line if len(text) <= longest else f"{line[:longest]}…"
