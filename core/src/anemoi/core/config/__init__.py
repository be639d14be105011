"""Layered configuration that can say where each value came from, and components built from it.

Composing needs Hydra and checking needs pydantic; both are imported when they are used, not before.
"""

from .build import build
from .compose import compose, override
from .composition import Composition, Origin
from .layers import Layer, find_layers

__all__ = ["Composition", "Layer", "Origin", "build", "compose", "find_layers", "override"]
