"""How much of the globe a node stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from ..interfaces import NodeAttribute
from ..node_set import NodeSet
from ..normalisation import Normalisation, normalised
from ..planar import equal_area, latitudes_and_longitudes, planar_areas


@dataclass(frozen=True, kw_only=True)
class AreaWeights(NodeAttribute):
    """The area of the cell around each node: all that is nearer to it than to any other.

    Spherical cells of nodes of the globe sum to 4π before they are scaled.

    Parameters
    ----------
    cells
        Where they lie: on the sphere (see :attr:`anemoi.core.grid.Grid.areas`); ``planar``, on a flat map
        of a region that keeps areas; or ``lat-lon``, on the plane of latitudes and longitudes in radians,
        where a node near a pole counts as much as one at the equator. Along the border of a region cells end
        where they would if it went on.
    normalise
        By what they are divided.
    mask
        Only nodes where this mask is true have a cell, among themselves; the area of others is zero.

    Raises
    ------
    DataError
        If the mask does not exist, or leaves no nodes, or the nodes have no such cells.
    """

    cells: Literal["spherical", "planar", "lat-lon"] = "spherical"
    normalise: Normalisation | None = None
    mask: str | None = None

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        if self.mask is None:
            return normalised(self._areas(nodes), self.normalise)
        inside = nodes.mask(self.mask)
        if not inside.any():
            raise DataError(f"The mask {self.mask!r} leaves no nodes that could have an area.")
        areas = np.zeros(len(nodes))
        areas[inside] = self._areas(nodes.selected(inside))
        return normalised(areas, self.normalise)

    def _areas(self, nodes: NodeSet) -> NDArray[np.float64]:
        if self.cells == "spherical":
            return nodes.grid.areas
        if self.cells == "planar":
            return planar_areas(equal_area(nodes.positions))
        return planar_areas(latitudes_and_longitudes(nodes.latitudes, nodes.longitudes))
