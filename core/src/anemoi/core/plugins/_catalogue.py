"""Which distribution provides which component, for those that are known but not installed here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import cast

from ._kinds import normalise


def provider(kind: str, name: str) -> str | None:
    """The distribution that is known to provide a component, or None."""
    return _catalogue().get(kind, {}).get(normalise(name))


def known(kind: str) -> frozenset[str]:
    """The names of all the components of a kind that the catalogue knows."""
    return frozenset(_catalogue().get(kind, {}))


def begins_with(command: str) -> dict[str, str]:
    """The choices that a command begins with where nothing else is said: ``{"model": "transformer"}``.

    Those alone that other distributions than the command's own bring.
    """
    return _read("beginnings.json").get(command, {})


def how_to_install(distribution: str) -> tuple[str, str]:
    """The command that brings what a distribution provides, and the version that is here and does not."""
    import importlib_metadata

    try:
        version = str(importlib_metadata.Distribution.from_name(distribution).version)
    except Exception:  # It is not here, or what is here cannot be read.
        return f"pip install {distribution}", ""
    return f"pip install --upgrade {distribution}", version


def _catalogue() -> dict[str, dict[str, str]]:
    return _read("catalogue.json")


@cache
def _read(name: str) -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return cast("dict[str, dict[str, str]]", json.loads(text))
