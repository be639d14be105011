"""Weights of nodes that need no cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..interfaces import NodeAttribute
from ..node_set import NodeSet
from ..normalisation import Normalisation, normalised


@dataclass(frozen=True, kw_only=True)
class CosineWeights(NodeAttribute):
    """The cosine of the latitude: the areas of a regular latitude-longitude grid, up to a factor.

    Parameters
    ----------
    normalise
        By what they are divided.
    """

    normalise: Normalisation | None = "unit-max"

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        return normalised(np.cos(np.deg2rad(nodes.latitudes)).clip(min=0.0), self.normalise)


@dataclass(frozen=True, kw_only=True)
class UniformWeights(NodeAttribute):
    """One for each node."""

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        return np.ones(len(nodes))
