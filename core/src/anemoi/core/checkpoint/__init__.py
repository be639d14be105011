"""A trained model as one file of data, never code: all that a forecast needs, and where it came from.

Reading what a checkpoint says (:func:`inspect`, :class:`LockEntry`) imports no torch; loading one does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import FORECAST_SECTIONS, Checkpoint, build_model, load, save
    from .container import FORMAT_VERSION
    from .inspection import Inspection, inspect
    from .plugin_lock import DifferentVersionWarning, LockEntry, Mismatch, compare, lock, targets

_MODULES = {
    "checkpoint": ("FORECAST_SECTIONS", "Checkpoint", "build_model", "load", "save"),
    "container": ("FORMAT_VERSION",),
    "inspection": ("Inspection", "inspect"),
    "plugin_lock": ("DifferentVersionWarning", "LockEntry", "Mismatch", "compare", "lock", "targets"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "FORECAST_SECTIONS",
    "FORMAT_VERSION",
    "Checkpoint",
    "DifferentVersionWarning",
    "Inspection",
    "LockEntry",
    "Mismatch",
    "build_model",
    "compare",
    "inspect",
    "load",
    "lock",
    "save",
    "targets",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
