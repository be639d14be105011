"""Find, judge and load plugins: the only code in Anemoi that reads entry points.

Finding reads metadata and imports nothing; loading imports one component, when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._components import STATES, InstalledComponent, components, declared, kinds
from ._kinds import KINDS, Kind, group, normalise
from ._load import find, find_kind, load, load_component, matching, part_of, refusal, suggestion

if TYPE_CHECKING:
    from ._blocklist import allow, block, read_blocklist
    from ._broadcast import Broadcast, hook_fault
    from ._catalogue import known, provider
    from ._choose import Choice, choose, known_good_set
    from ._describe import describe
    from ._doctor import Diagnosis, diagnose
    from ._explain import information, named, reasons, requirements
    from ._hooks import hooks
    from ._install import install
    from ._lock import lock, used
    from ._needs import Needs, choice_fault, install_command, needed_by, together
    from ._search import KnownComponent, search

__all__ = [
    "KINDS",
    "STATES",
    "Broadcast",
    "Choice",
    "Diagnosis",
    "InstalledComponent",
    "Kind",
    "KnownComponent",
    "Needs",
    "allow",
    "block",
    "choice_fault",
    "choose",
    "components",
    "declared",
    "describe",
    "diagnose",
    "find",
    "find_kind",
    "group",
    "hook_fault",
    "hooks",
    "information",
    "install",
    "install_command",
    "kinds",
    "known",
    "known_good_set",
    "load",
    "load_component",
    "lock",
    "matching",
    "named",
    "needed_by",
    "normalise",
    "part_of",
    "provider",
    "read_blocklist",
    "reasons",
    "refusal",
    "requirements",
    "search",
    "suggestion",
    "together",
    "used",
]

_MODULE_OF = {
    "Broadcast": "_broadcast",
    "Choice": "_choose",
    "Diagnosis": "_doctor",
    "allow": "_blocklist",
    "block": "_blocklist",
    "KnownComponent": "_search",
    "Needs": "_needs",
    "choice_fault": "_needs",
    "choose": "_choose",
    "describe": "_describe",
    "diagnose": "_doctor",
    "hook_fault": "_broadcast",
    "hooks": "_hooks",
    "information": "_explain",
    "install": "_install",
    "install_command": "_needs",
    "known": "_catalogue",
    "known_good_set": "_choose",
    "lock": "_lock",
    "named": "_explain",
    "needed_by": "_needs",
    "provider": "_catalogue",
    "read_blocklist": "_blocklist",
    "reasons": "_explain",
    "requirements": "_explain",
    "search": "_search",
    "together": "_needs",
    "used": "_lock",
}


def __getattr__(name: str) -> Any:
    """Import what listing has no use for when it is first asked for."""
    from importlib import import_module

    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
