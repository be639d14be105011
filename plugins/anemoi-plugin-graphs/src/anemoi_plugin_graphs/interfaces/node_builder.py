"""What lays nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ..node_set import NodeSet


class NodeBuilder(ABC):
    """Lays one set of nodes of a graph, such as a mesh.

    A subclass takes its options as keyword arguments, each with a type and a default; they are what a
    user writes under ``graph.nodes.NAME``.
    """

    @abstractmethod
    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """Lay the nodes.

        Parameters
        ----------
        nodes
            Those that are there already, by name: the points of each domain, and the sets that the recipe
            names before this one. A mesh over a region follows them.

        Returns
        -------
        NodeSet
            At least one node. The same options and nodes give the same to the bit.

        Raises
        ------
        ConfigError
            If an option names nodes that are not there.
        DataError
            If no node is left.
        """
