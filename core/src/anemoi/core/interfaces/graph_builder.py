"""What lays a hidden mesh over a grid and joins the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ..graph import Graph
from ..grid import Grid
from .capability import Capability


class GraphBuilder(ABC):
    """Builds the graph that a model is built on.

    A subclass takes its options as keyword arguments, each with a type and a default; they are
    what a user writes under ``graph``.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; see :class:`.Capability`."""

    @abstractmethod
    def build(self, grid: Grid) -> Graph:
        """Lay hidden nodes over ``grid`` and join them.

        Returns
        -------
        Graph
            With nodes ``data`` (the points of ``grid``, in its order) and ``hidden``, and edges
            ``(data, hidden)``, ``(hidden, hidden)`` and ``(hidden, data)``, each sorted by target
            with at least one attribute. The same options and grid give the same graph to the bit.
        """
