"""What lays a hidden mesh over a grid and joins the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """Lay hidden nodes over all of ``grids`` and join them.

        Parameters
        ----------
        grids
            The grid of each domain, by its name; ``{"data": grid}`` where there is one.

        Returns
        -------
        Graph
            With one set of nodes for each domain, of its name (the points of its grid, in their order), and
            ``hidden``; with edges ``(domain, hidden)`` and ``(hidden, domain)`` for each, and ``(hidden,
            hidden)``, each sorted by target with at least one attribute. There may be more nodes and edges,
            such as other hidden levels. The same options and grids give the same graph to the bit.
        """
