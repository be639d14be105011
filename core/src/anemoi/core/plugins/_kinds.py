"""The kinds of components: where each is found, and what each must be."""

from __future__ import annotations

import re
from typing import Final

PREFIX: Final = "anemoi.core."

GROUPS: Final = {
    "processor": "anemoi.core.processors",
    "mapper": "anemoi.core.mappers",
    "graph": "anemoi.core.graphs",
    "source": "anemoi.core.sources",
    "transform": "anemoi.core.transforms",
    "forcing": "anemoi.core.forcings",
    "output": "anemoi.core.outputs",
    "loss": "anemoi.core.losses",
    "tracker": "anemoi.core.trackers",
    "command": "anemoi.core.commands",
    "config": "anemoi.core.configs",
    "hook": "anemoi.core.hooks",
}
"""Each kind and its entry-point group."""

KIND_OF: Final = {group: kind for kind, group in GROUPS.items()}

INTERFACES: Final = {
    "processor": "Processor",
    "mapper": "Mapper",
    "graph": "GraphBuilder",
    "source": "DataSource",
    "transform": "Transform",
    "forcing": "Forcing",
    "output": "Output",
    "loss": "Loss",
    "tracker": "Tracker",
}
"""The kinds whose components are classes, and the class of :mod:`anemoi.core.interfaces` they derive from."""

JOINED: Final = frozenset({"config", "hook"})
"""Kinds of which all are used together, so that two may share a name without harm."""


def normalise(name: str) -> str:
    """Write a name as it is compared: lower case, ``-`` for any run of ``-``, ``_`` and ``.`` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
