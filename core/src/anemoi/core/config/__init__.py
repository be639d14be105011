"""Layered configuration that can say where each value came from, and components built from it.

Composing needs Hydra and checking needs pydantic; both are imported when they are used, not before.
"""

from .build import Builder, build, builder
from .check import Problem
from .components import constructor_of, is_same_component, options_of
from .compose import compose, extend, override
from .composition import Composition, Origin
from .layers import Layer, find_layers
from .options import Component, Spec
from .validate import SupportsCheck, problems, schema_of, validate

__all__ = [
    "Builder",
    "Component",
    "Composition",
    "Layer",
    "Origin",
    "Problem",
    "Spec",
    "SupportsCheck",
    "build",
    "builder",
    "compose",
    "constructor_of",
    "extend",
    "find_layers",
    "is_same_component",
    "options_of",
    "override",
    "problems",
    "schema_of",
    "validate",
]
