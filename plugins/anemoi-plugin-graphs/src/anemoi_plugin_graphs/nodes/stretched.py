"""An icosahedral mesh that is fine over a region and coarse elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import ConfigError
from numpy.typing import NDArray

from ..icosphere import Pole, icosphere
from ..interfaces import NodeBuilder
from ..neighbours import Positions
from ..node_set import NodeSet
from ..region import region_of
from .icosahedral import Margin, Refinement, around, chord_of, longest_edge, require_mesh, require_region


@dataclass(frozen=True, kw_only=True)
class StretchedNodes(NodeBuilder):
    """The vertices of an icosahedral mesh whose triangles are split further over a region.

    Parameters
    ----------
    refinement
        How many times triangles are split everywhere.
    region_refinement
        How many times over the region.
    region
        The nodes that it is fine around, such as those of a regional domain, or of the fine part of a
        cut-out, which a mask tells (``mask``).
    mask
        Of these nodes only those where this mask is true.
    margin
        How far beyond the region the fine mesh goes, in its edges.
    pole
        What lies on each pole, as of :class:`.IcosahedralNodes`.

    Raises
    ------
    ConfigError
        If the region is not finer, or does not exist, or covers the globe.
    """

    refinement: Refinement = 4
    region_refinement: Refinement = 6
    region: str = "data"
    mask: str | None = None
    margin: Margin = 2.0
    pole: Pole = "triangle"

    def __post_init__(self) -> None:
        if self.region_refinement <= self.refinement:
            raise ConfigError(
                f"region_refinement {self.region_refinement} is not more than refinement {self.refinement}.",
                fix="Choose a larger one, or the node builder icosahedral.",
            )

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        [fine] = around(nodes, (self.region,), option="region")
        if self.mask is not None:
            fine = fine.selected(fine.mask(self.mask))
        region = region_of([fine.positions])
        if region is None:
            raise ConfigError(
                f"The nodes {self.region} cover the globe: there is no region to be finer in.",
                fix="Name the nodes of a region, or a mask of them.",
            )
        margin = chord_of(self.margin * longest_edge(self.region_refinement))

        def wanted(middles: Positions, radius: float, level: int) -> NDArray[np.bool_]:
            if level < self.refinement:
                return np.ones(len(middles), dtype=bool)
            near = region.near(middles, margin, beyond=radius)
            require_region(near, self.region_refinement, level)
            return near

        require_mesh(self.refinement, 10 * 4**self.refinement + 2)
        mesh = icosphere(self.region_refinement, wanted=wanted, pole=self.pole)
        keep = region.near(mesh.vertices, margin)
        keep[: 10 * 4**self.refinement + 2] = True  # the vertices of the coarse mesh come first
        return NodeSet.at(mesh.vertices, meshes=mesh.edges).selected(keep)
