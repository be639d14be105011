"""How much of the globe a node stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from ..interfaces import NodeAttribute
from ..node_set import NodeSet
from ..normalisation import Normalisation, normalised


@dataclass(frozen=True, kw_only=True)
class AreaWeights(NodeAttribute):
    """The area of the cell around each node, see :attr:`anemoi.core.grid.Grid.areas`.

    The cells of the nodes of the globe sum to 4π before they are scaled.

    Parameters
    ----------
    normalise
        By what they are divided.
    mask
        Only nodes where this mask is true have a cell, among themselves; the area of others is zero.

    Raises
    ------
    DataError
        If the mask does not exist, or leaves no nodes.
    """

    normalise: Normalisation | None = None
    mask: str | None = None

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        if self.mask is None:
            return normalised(nodes.grid.areas, self.normalise)
        inside = nodes.mask(self.mask)
        if not inside.any():
            raise DataError(f"The mask {self.mask!r} leaves no nodes that could have an area.")
        areas = np.zeros(len(nodes))
        areas[inside] = nodes.selected(inside).grid.areas
        return normalised(areas, self.normalise)
