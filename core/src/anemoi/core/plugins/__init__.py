"""Find, judge and load plugins: the only code in Anemoi that reads entry points.

Finding reads metadata and imports nothing; loading imports one component, when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._components import STATES, Component, components, kinds
from ._kinds import KINDS, Kind, group, normalise
from ._load import find_kind, load, load_component, matching, part_of, refusal, suggestion

if TYPE_CHECKING:
    from ._blocklist import read_blocklist
    from ._broadcast import Broadcast, hook_fault
    from ._catalogue import known, provider
    from ._describe import describe
    from ._explain import named
    from ._hooks import hooks
    from ._lock import lock, used

__all__ = [
    "KINDS",
    "STATES",
    "Broadcast",
    "Component",
    "Kind",
    "components",
    "describe",
    "find_kind",
    "group",
    "hook_fault",
    "hooks",
    "kinds",
    "known",
    "load",
    "load_component",
    "lock",
    "matching",
    "named",
    "normalise",
    "part_of",
    "provider",
    "read_blocklist",
    "refusal",
    "suggestion",
    "used",
]

_MODULE_OF = {
    "Broadcast": "_broadcast",
    "describe": "_describe",
    "hook_fault": "_broadcast",
    "hooks": "_hooks",
    "known": "_catalogue",
    "lock": "_lock",
    "named": "_explain",
    "provider": "_catalogue",
    "read_blocklist": "_blocklist",
    "used": "_lock",
}


def __getattr__(name: str) -> Any:
    """Import what listing has no use for when it is first asked for."""
    from importlib import import_module

    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
