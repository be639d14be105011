"""What joins nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..neighbours import Pairs
from ..node_set import NodeSet


class EdgeBuilder(ABC):
    """Joins two sets of nodes, or one with itself.

    A subclass takes its options as keyword arguments, each with a type and a default; they are what a
    user writes under ``graph.edges.NAME.by.NAME``.
    """

    @abstractmethod
    def build(self, source: NodeSet, target: NodeSet) -> Pairs:
        """Join nodes.

        Parameters
        ----------
        source, target
            The two sets; the same object where a set is joined with itself.

        Returns
        -------
        Pairs
            ``(edges, 2)`` int64: a source and a target in each row, in any order. The recipe keeps each pair
            once. The same options and nodes give the same pairs.

        Raises
        ------
        ConfigError
            If these nodes cannot be joined so.
        """
