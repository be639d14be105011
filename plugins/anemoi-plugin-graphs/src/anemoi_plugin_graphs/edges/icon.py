"""Edges between the cells of an ICON grid and their vertices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anemoi.core.errors import ConfigError

from ..interfaces import EdgeBuilder
from ..neighbours import Pairs
from ..node_set import NodeSet
from ..nodes.icon import read_grid


@dataclass(frozen=True, kw_only=True)
class IconCells(EdgeBuilder):
    """Joins each cell of an ICON grid to its three vertices, or each vertex to its cells.

    One of the two sets of nodes has the cells and the other the vertices of the grid, in its order.

    Parameters
    ----------
    path
        The grid file of ICON.

    Raises
    ------
    DataError
        If there is no such file, or it is no grid of ICON.
    """

    path: Path

    def build(self, source: NodeSet, target: NodeSet) -> Pairs:
        """See :meth:`.EdgeBuilder.build`."""
        stored = read_grid(self.path, ("vertex_of_cell", "vlat"))
        corners = stored["vertex_of_cell"].astype(np.int64).T - 1  # (cells, 3)
        cells, vertices = len(corners), len(stored["vlat"])
        pairs = np.stack([np.repeat(np.arange(cells), 3), corners.ravel()], axis=-1)
        if (len(source), len(target)) == (cells, vertices):
            return pairs
        if (len(source), len(target)) == (vertices, cells):
            return np.ascontiguousarray(pairs[:, ::-1])
        raise ConfigError(
            f"The grid {self.path} has {cells} cells and {vertices} vertices, but {len(source)} nodes are to "
            f"be joined to {len(target)}.",
            fix="Join the node builder icon at=cells to that at=vertices, with the same path and all levels.",
        )
