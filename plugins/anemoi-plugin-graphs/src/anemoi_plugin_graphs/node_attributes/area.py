"""How much of the globe a node stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    """

    normalise: Normalisation | None = None

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        return normalised(nodes.grid.areas, self.normalise)
