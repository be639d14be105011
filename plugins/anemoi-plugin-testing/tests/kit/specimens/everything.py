"""All specimens, registered."""

from . import (
    RIGHT,
    WRONG,
    bystanders,
    forcings,
    graph_builders,
    kinds,
    layers,
    models,
    objectives,
    outputs,
    packages,
    perturbations,
    postprocessors,
    sources,
    transforms,
)

__all__ = [
    "RIGHT",
    "WRONG",
    "bystanders",
    "forcings",
    "graph_builders",
    "kinds",
    "layers",
    "models",
    "objectives",
    "outputs",
    "packages",
    "perturbations",
    "postprocessors",
    "sources",
    "transforms",
]
