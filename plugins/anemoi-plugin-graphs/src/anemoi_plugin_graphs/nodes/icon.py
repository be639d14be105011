"""The grid of ICON, from one of its grid files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from anemoi.core.errors import ConfigError
from numpy.typing import NDArray
from pydantic import Field

from ..interfaces import NodeBuilder
from ..neighbours import Pairs
from ..netcdf import opened
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class IconNodes(NodeBuilder):
    """The vertices or the centres of the triangles of an ICON grid, with the edges between neighbours.

    Vertices have the edges of all scales, from the refinement levels in the file: a vertex of one level is
    the middle of an edge between two of the level before (Zängl et al., QJRMS 141, 2015).

    Parameters
    ----------
    path
        A grid file of ICON, as those of DWD and MPI-M.
    at
        Nodes at the ``vertices``, or at the centres of the ``cells``.
    max_level
        Of vertices, only those of this refinement level or before.

    Raises
    ------
    DataError
        If there is no such file, or it is no grid of ICON.
    AbsentError
        Without the package netCDF4.
    ConfigError
        If there is no vertex of these levels.
    """

    path: Path
    at: Literal["vertices", "cells"] = "vertices"
    max_level: Annotated[int, Field(ge=0)] | None = None

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        if self.at == "cells":
            stored = read_grid(self.path, ("clat", "clon", "neighbor_cell_index"))
            return NodeSet(
                _degrees(stored["clat"]),
                _degrees(stored["clon"]),
                meshes=(neighbouring_cells(stored["neighbor_cell_index"]),),
            )
        stored = read_grid(self.path, ("vlat", "vlon", "edge_vertices", "refinement_level_v"))
        levels = stored["refinement_level_v"].astype(np.int64)
        meshes = edges_by_level(np.sort(stored["edge_vertices"].astype(np.int64).T - 1, axis=1), levels)
        every = NodeSet(_degrees(stored["vlat"]), _degrees(stored["vlon"]), meshes=meshes)
        if self.max_level is None:
            return every
        keep = levels <= self.max_level
        if not keep.any():
            raise ConfigError(
                f"{self.path} has no vertices of level {self.max_level} or before.",
                fix=f"Choose a max_level from {levels.min()} to {levels.max()}.",
            )
        return NodeSet(every.latitudes, every.longitudes, meshes=meshes[: self.max_level + 1]).selected(keep)


def edges_by_level(finest: Pairs, levels: NDArray[np.int64]) -> tuple[Pairs, ...]:
    """The edges of every scale of a mesh, the coarsest first.

    Parameters
    ----------
    finest
        ``(edges, 2)``: those of the finest.
    levels
        ``(vertices,)``: since which level each vertex is there.
    """
    meshes = [finest]
    for level in range(int(levels.max()), int(levels.min()), -1):
        edges = meshes[-1]
        both = np.concatenate([edges, edges[:, ::-1]])
        middle, parent = both[(levels[both[:, 0]] == level) & (levels[both[:, 1]] < level)].T
        order = np.argsort(middle, kind="stable")
        middle, parent = middle[order], parent[order]
        # A vertex in the middle of an edge has the two ends of it as neighbours; on the border of a limited
        # area one may be missing.
        first = np.flatnonzero(middle[:-1] == middle[1:])
        coarser = np.stack([parent[first], parent[first + 1]], axis=-1)
        kept = edges[(levels[edges] < level).all(axis=1)]  # those that no vertex divides
        meshes.append(np.unique(np.sort(np.concatenate([coarser, kept]), axis=1), axis=0))
    return tuple(reversed(meshes))


def neighbouring_cells(neighbours: NDArray[Any]) -> Pairs:
    """The pairs of cells that share an edge, from ICON's table of neighbours, ``(3, cells)`` from one on."""
    other = neighbours.astype(np.int64).T - 1  # (cells, 3); on the border of a limited area below zero
    pairs = np.stack([np.repeat(np.arange(len(other)), 3), other.ravel()], axis=-1)
    return np.unique(np.sort(pairs[pairs[:, 1] >= 0], axis=1), axis=0)


def read_grid(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Read variables of a grid file.

    Raises
    ------
    DataError
        If there is no such file, or it is no grid of ICON.
    AbsentError
        Without the package netCDF4.
    """
    with opened(path, names) as dataset:
        return {name: np.ma.filled(dataset.variables[name][:]) for name in names}


def _degrees(radians: NDArray[Any]) -> NDArray[np.float64]:
    return np.rad2deg(radians.astype(np.float64))
