"""The one sentence that helps with a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the ``known`` names ``name`` may have meant, and what there is."""
    names = sorted(known)
    if not names:
        return "There are none."
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = f"There are: {', '.join(names)}."
    return f"Did you mean {close[0]!r}? {listed}" if close else listed
