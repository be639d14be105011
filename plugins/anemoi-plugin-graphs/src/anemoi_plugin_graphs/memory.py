"""Whether a mesh fits into memory: said before it is built."""

from __future__ import annotations

from typing import Final

from anemoi.core.errors import ResourceError
from anemoi.core.memory import available_memory

EDGE_BYTES: Final = 150
"""What a graph takes for each edge within a mesh while it is built, nodes included: measured, for meshes of
160,000 to 2,000,000 nodes (icosahedral, HEALPix, hexagonal) with the edges of all scales, their lengths and
directions."""

SURE: Final = 2_000
"""From so many triangles or cells of a region on, their number tells how many nodes the finest mesh has, to a
fifth: those on the border, which the finer mesh does not fill, are few among them."""


def require_room(what: str, nodes: float, *, edges_of_a_node: float) -> None:
    """Check that a mesh can be built here.

    Parameters
    ----------
    what
        The mesh, in words.
    nodes
        How many it will have.
    edges_of_a_node
        How many end at each, over all scales.

    Raises
    ------
    ResourceError
        If it takes more memory than there is.
    """
    needed, there = nodes * edges_of_a_node * EDGE_BYTES, available_memory()
    if needed > there:
        raise ResourceError(
            f"{what} has about {nodes:,.0f} nodes, and a graph on it with {nodes * edges_of_a_node:,.0f} "
            f"edges takes about {needed / 1e9:,.0f} GB to build; there are {there / 1e9:,.0f} GB of memory.",
            fix="Choose a lower refinement, a smaller region, or a machine with more memory.",
        )
