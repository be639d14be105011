"""Graph builders for Anemoi, and the parts that graphs are put together from.

Nothing is imported before it is used, so that reading the configuration groups of this package stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .interfaces import EdgeAttribute, EdgeBuilder, NodeAttribute, NodeBuilder
    from .neighbours import Pairs
    from .node_set import NodeSet

_PLACES = {
    "EdgeAttribute": "interfaces",
    "EdgeBuilder": "interfaces",
    "NodeAttribute": "interfaces",
    "NodeBuilder": "interfaces",
    "NodeSet": "node_set",
    "Pairs": "neighbours",
}

__all__ = ["EdgeAttribute", "EdgeBuilder", "NodeAttribute", "NodeBuilder", "NodeSet", "Pairs"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
