"""What is known of a node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..node_set import NodeSet


class NodeAttribute(ABC):
    """Computes one number for each node: a weight, or a truth value (then it is a mask).

    A subclass takes its options as keyword arguments, each with a type and a default; they are what a
    user writes under ``graph.attributes.NODES.NAME``.
    """

    @abstractmethod
    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """Compute the attribute.

        Parameters
        ----------
        nodes
            With the attributes that the recipe names before this one.
        others
            Every set of nodes, by name.

        Returns
        -------
        NDArray
            ``(nodes,)``: float64, finite, for a weight; bool for a mask.

        Raises
        ------
        DataError
            If it cannot be computed on these nodes.
        """
