"""Find, judge and load plugins: the only code in Anemoi that reads entry points.

Finding reads metadata and imports nothing; loading imports one component, when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._components import STATES, Component, components, kinds
from ._kinds import Kind, group, normalise
from ._load import find_kind, load

if TYPE_CHECKING:
    from ._broadcast import Broadcast
    from ._hooks import hooks
    from ._lock import lock, used

__all__ = [
    "STATES",
    "Broadcast",
    "Component",
    "Kind",
    "components",
    "find_kind",
    "group",
    "hooks",
    "kinds",
    "load",
    "lock",
    "normalise",
    "used",
]

_MODULE_OF = {"Broadcast": "_broadcast", "hooks": "_hooks", "lock": "_lock", "used": "_lock"}


def __getattr__(name: str) -> Any:
    """Import what listing has no use for when it is first asked for."""
    from importlib import import_module

    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
