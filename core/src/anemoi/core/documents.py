"""Provenance in a JSON document, as its member ``provenance``, with the hash of all the rest within it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def document(facts: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Give a document that says where it comes from, and by which hash to know it again.

    Parameters
    ----------
    facts
        What it holds, as JSON.
    provenance
        See :func:`anemoi.core.provenance.provenance`.
    """
    made = {**facts, "provenance": dict(provenance)}
    return {**made, "provenance": {**provenance, "content": content(made)}}


def read_document(path: Path) -> dict[str, Any] | None:
    """Read a document with provenance; None if it is another file."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("provenance"), dict) else None


def content(made: Mapping[str, Any]) -> str:
    """Compute the hash of what a document holds, however it is laid out."""
    about = {name: value for name, value in made["provenance"].items() if name != "content"}
    text = json.dumps({**made, "provenance": about}, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
