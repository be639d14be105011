"""Edges from all nodes within a distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..interfaces import EdgeBuilder
from ..neighbours import EARTH, Pairs, in_order, within
from ..node_set import NodeSet, largest_gap


@dataclass(frozen=True, kw_only=True)
class Cutoff(EdgeBuilder):
    """Joins each target to all sources within a distance.

    Parameters
    ----------
    factor
        The distance, as a multiple of how far apart the hidden nodes are at most: the targets in an encoder,
        the sources in a decoder (``of``), which is the longest edge of a mesh.
    km
        The same as a distance along the surface; if given, ``factor`` is not used.
    of
        The nodes whose distance from each other ``factor`` multiplies.
    spacing
        What that distance is on a mesh: its longest ``edge``, or, as in anemoi-graphs, the largest distance
        from a node to the ``nearest`` other one. Of nodes without a mesh it is always the latter.
    neighbours
        Of the sources within the distance, at most this many, the nearest; all by default.
    """

    factor: Annotated[float, Field(gt=0)] = 0.6
    km: Annotated[float, Field(gt=0)] | None = None
    of: Literal["source", "target"] = "target"
    spacing: Literal["edge", "nearest"] = "edge"
    neighbours: Annotated[int, Field(ge=1)] | None = None

    def build(self, source: NodeSet, target: NodeSet) -> Pairs:
        """See :meth:`.EdgeBuilder.build`."""
        pairs = within(source.positions, target.positions, self._radius(source, target))
        if source is target:
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        return pairs if self.neighbours is None else self._nearest(pairs, source, target)

    def _radius(self, source: NodeSet, target: NodeSet) -> float:
        """The distance, straight through the unit sphere."""
        if self.km is not None:
            return float(2.0 * np.sin(min(np.pi, self.km / EARTH) / 2.0))
        nodes = source if self.of == "source" else target
        return self.factor * (nodes.spacing if self.spacing == "edge" else largest_gap(nodes.positions))

    def _nearest(self, pairs: Pairs, source: NodeSet, target: NodeSet) -> Pairs:
        assert self.neighbours is not None
        if np.bincount(pairs[:, 1], minlength=1).max() <= self.neighbours:
            return pairs
        pairs = in_order(pairs, len(source))
        distance = np.linalg.norm(
            source.positions[pairs[:, 0]] - target.positions[pairs[:, 1]], axis=-1
        ).round(9)  # sources equally far away: the first, whatever the rounding
        pairs = pairs[np.lexsort((pairs[:, 0], distance, pairs[:, 1]))]
        first = np.searchsorted(pairs[:, 1], pairs[:, 1])
        return pairs[np.arange(len(pairs)) - first < self.neighbours]
