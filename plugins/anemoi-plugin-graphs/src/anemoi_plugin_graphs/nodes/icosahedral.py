"""The vertices of an icosahedral mesh, over the globe or over the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from numpy.typing import NDArray
from pydantic import Field

from ..icosphere import Icosphere, Pole, icosphere
from ..interfaces import NodeBuilder
from ..memory import SURE, require_room
from ..neighbours import Positions
from ..node_set import NodeSet
from ..region import Region, region_of

Refinement = Annotated[int, Field(ge=0, le=14)]
Margin = Annotated[float, Field(ge=1.0)]

LONGEST: float = 1.2
"""The longest edge of a mesh, as a multiple of its shortest; the exact number depends on the refinement."""

EDGES_OF_A_NODE = 8.0
"""Six of the finest mesh and a third as many of all coarser ones."""


@dataclass(frozen=True, kw_only=True)
class IcosahedralNodes(NodeBuilder):
    """The vertices of an icosahedral mesh, with the edges of all its scales.

    See :func:`~anemoi_plugin_graphs.icosphere.icosphere`. Over data that cover only a region the mesh is that
    of the globe, and of it the part over the data and a margin around them; no more is ever made, so that a
    region can have a mesh much finer than would fit into memory for the globe.

    Parameters
    ----------
    refinement
        How many times the triangles of the icosahedron are split in four: ``10 * 4**refinement + 2`` nodes
        on the globe.
    margin
        How far beyond a region the mesh goes, in edges of the finest mesh; null lays it over the globe.
    around
        The nodes that it goes over; all that there are by default.
    pole
        What lies on each pole: the middle of a ``triangle`` of the icosahedron, or, as in anemoi-graphs, of
        an ``edge``.

    Raises
    ------
    ResourceError
        If the mesh takes more memory than there is; said before it is built.
    """

    refinement: Refinement = 4
    margin: Margin | None = 2.0
    around: tuple[str, ...] | None = None
    pole: Pole = "triangle"

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        region = None
        if self.margin is not None:
            region = region_of([each.positions for each in around(nodes, self.around)])
        if self.margin is None or region is None:
            require_mesh(self.refinement, 10 * 4**self.refinement + 2)
            mesh = icosphere(self.refinement, pole=self.pole)
            return NodeSet.at(mesh.vertices, meshes=mesh.edges)
        margin = chord_of(self.margin * longest_edge(self.refinement))
        return within(region, self.refinement, margin, self.pole)


def around(
    nodes: Mapping[str, NodeSet], names: tuple[str, ...] | None, *, option: str = "around"
) -> list[NodeSet]:
    """The nodes that a mesh goes around: those of some names, or all.

    Raises
    ------
    ConfigError
        If there are none of a name, or none at all.
    """
    wanted = tuple(nodes) if names is None else names
    if absent := [name for name in wanted if name not in nodes]:
        raise ConfigError(
            f"{option} names {absent[0]!r}, which are not there yet.",
            fix=f"There are: {', '.join(nodes) or 'none'}.",
        )
    if not wanted:
        raise ConfigError("A mesh with a margin goes around nodes, but there are none.")
    return [nodes[name] for name in wanted]


def chord_of(angle: float) -> float:
    """An angle at the centre of the Earth as a distance straight through the unit sphere."""
    return float(2.0 * np.sin(min(np.pi, angle) / 2.0))


def longest_edge(refinement: int) -> float:
    """About how long the longest edge of a mesh is, in radians."""
    return float(LONGEST * np.arctan(2.0) / 2**refinement)


def require_mesh(refinement: int, nodes: float) -> None:
    """Check that a mesh fits into memory.

    Raises
    ------
    ResourceError
        If it does not.
    """
    require_room(f"An icosahedral mesh of refinement {refinement}", nodes, edges_of_a_node=EDGES_OF_A_NODE)


def require_region(near: NDArray[np.bool_], refinement: int, level: int) -> None:
    """The same over a region, from the triangles near it at one level: each becomes four at the next.

    Raises
    ------
    ResourceError
        If the finest mesh does not fit.
    """
    triangles = np.count_nonzero(near)
    if triangles >= SURE:
        require_mesh(refinement, triangles / 2 * 4 ** (refinement - level))  # two triangles to a node


def within(region: Region, refinement: int, margin: float, pole: Pole) -> NodeSet:
    """The part of a mesh that lies within ``margin`` of a region, straight through the unit sphere."""

    def wanted(middles: Positions, radius: float, level: int) -> NDArray[np.bool_]:
        near = region.near(middles, margin, beyond=radius)
        require_region(near, refinement, level)
        return near

    mesh: Icosphere = icosphere(refinement, wanted=wanted, pole=pole)
    keep = region.near(mesh.vertices, margin)
    if not keep.any():
        raise DataError("No node of the mesh lies near the data.", fix="Choose a larger margin.")
    return NodeSet.at(mesh.vertices, meshes=mesh.edges).selected(keep)
