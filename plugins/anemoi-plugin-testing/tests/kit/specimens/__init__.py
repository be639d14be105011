"""Components that are wrong, each in one way, and components that are right.

They are registered as their modules are imported, all of them by :mod:`specimens.everything`. ``WRONG``
has a list for each kind: the check that must catch it, and the component. ``RIGHT`` has the components of
each kind that no check may find fault with, with their options.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRONG: dict[str, list[tuple[str, Any]]] = defaultdict(list)
RIGHT: dict[str, list[Any]] = defaultdict(list)

_FOLDER = tempfile.TemporaryDirectory(prefix="anemoi-specimens-")


def new_folder() -> Path:
    """A folder that is gone when Python ends."""
    return Path(tempfile.mkdtemp(dir=_FOLDER.name))


def caught_by(check: str, *kinds: str) -> Callable[[Any], Any]:
    """Register a component as wrong: ``check``, and no other, must catch it."""

    def register(component: Any) -> Any:
        for kind in kinds:
            WRONG[kind].append((check, component))
        return component

    return register


def right(kind: str) -> Callable[[Any], Any]:
    """Register a component as right."""

    def register(component: Any) -> Any:
        RIGHT[kind].append(component)
        return component

    return register
