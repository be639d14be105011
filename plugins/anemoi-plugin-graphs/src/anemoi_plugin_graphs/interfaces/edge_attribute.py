"""What is known of an edge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..neighbours import Pairs
from ..node_set import NodeSet


class EdgeAttribute(ABC):
    """Computes one or more numbers for each edge.

    A subclass takes its options as keyword arguments, each with a type and a default; they are what a
    user writes under ``graph.edges.NAME.attributes.NAME``.
    """

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The columns that it gives: a class variable where no option decides on them."""

    @abstractmethod
    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """Compute the attribute.

        Parameters
        ----------
        source, target
            The nodes that are joined.
        pairs
            ``(edges, 2)`` int64: a source and a target in each row, sorted by target, then by source.

        Returns
        -------
        NDArray
            ``(edges, len(names))``, finite, also for edges of no length and at the poles.
        """
