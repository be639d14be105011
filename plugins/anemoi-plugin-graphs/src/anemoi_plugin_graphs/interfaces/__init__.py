"""What the parts of a graph recipe are: node builders, edge builders, and attributes of nodes and edges."""

from .edge_attribute import EdgeAttribute
from .edge_builder import EdgeBuilder
from .node_attribute import NodeAttribute
from .node_builder import NodeBuilder

__all__ = ["EdgeAttribute", "EdgeBuilder", "NodeAttribute", "NodeBuilder"]
