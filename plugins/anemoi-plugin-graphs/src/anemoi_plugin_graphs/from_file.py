"""A graph that was built before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.grid import Grid
from anemoi.core.interfaces.graph_builder import GraphBuilder

from .graph_file import read_graph


@dataclass(frozen=True, kw_only=True)
class FileGraph(GraphBuilder):
    """The graph in a file that ``anemoi graph build`` or ``anemoi graph convert`` wrote.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DataError
        If there is no such file, or it is no graph.
    """

    path: Path

    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """Read the graph, and check that it is of these grids.

        Raises
        ------
        ConfigError
            If a domain has no nodes in it, or they lie elsewhere.
        """
        graph, _ = read_graph(self.path)
        for name, grid in grids.items():
            if name not in graph.nodes:
                raise ConfigError(
                    f"The graph {self.path} has no nodes for the domain {name!r}.",
                    fix=f"It has {', '.join(graph.nodes)}. Build one of these data: "
                    f"anemoi graph build data=NAME --output {self.path}",
                )
            nodes = graph.nodes[name]
            if not grid.matches(Grid(nodes.latitudes.numpy(), nodes.longitudes.numpy())):
                raise ConfigError(
                    f"The graph {self.path} was built on {len(nodes)} other points than the {len(grid)} of "
                    f"the domain {name!r}, or on the same in another order.",
                    fix=f"Build one of these data: anemoi graph build data=NAME --output {self.path}",
                )
        return graph
