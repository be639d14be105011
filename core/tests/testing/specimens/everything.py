"""All specimens, registered."""

from . import RIGHT, WRONG, bystanders, graph_builders, kinds, layers, outputs, packages, sources

__all__ = [
    "RIGHT",
    "WRONG",
    "bystanders",
    "graph_builders",
    "kinds",
    "layers",
    "outputs",
    "packages",
    "sources",
]
