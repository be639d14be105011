"""Text of unknown origin, so that a terminal shows it and does nothing else."""

from __future__ import annotations

import re
from typing import Final

_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Control characters other than line breaks and tabs, surrogates, and what turns the direction of text."""


def printable(text: str) -> str:
    r"""Write what a terminal acts on as escapes, ``\x1b``.

    A checkpoint, a file or the metadata of a distribution may hold what moves the cursor, renames the window
    or types for the user, and what shows a text as another. Line breaks and tabs stay.
    """
    return _ACTING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
