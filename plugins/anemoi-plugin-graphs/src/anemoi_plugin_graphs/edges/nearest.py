"""Edges from the nearest nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..interfaces import EdgeBuilder
from ..neighbours import Pairs, nearest
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class NearestNeighbours(EdgeBuilder):
    """Joins nodes to the nearest of the other set; of those equally far away to the first.

    Parameters
    ----------
    neighbours
        How many; a node is no neighbour of itself.
    of
        Whose: each target hears its nearest sources (``target``), each source is heard by its nearest
        targets (``source``), or a pair is joined only if each is among the nearest of the other (``both``).
    """

    neighbours: Annotated[int, Field(ge=1)] = 3
    of: Literal["target", "source", "both"] = "target"

    def build(self, source: NodeSet, target: NodeSet) -> Pairs:
        """See :meth:`.EdgeBuilder.build`."""
        forward = self._nearest(source, target)
        if self.of == "target":
            return forward
        backward = self._nearest(target, source)[:, ::-1]
        if self.of == "source":
            return np.ascontiguousarray(backward)
        count = len(source)
        one, other = (pairs[:, 1] * count + pairs[:, 0] for pairs in (forward, backward))
        keys = np.intersect1d(one, other)
        targets, sources = np.divmod(keys, count)
        return np.stack([sources, targets], axis=-1)

    def _nearest(self, source: NodeSet, target: NodeSet) -> Pairs:
        if source is not target:
            return nearest(source.positions, target.positions, self.neighbours)
        pairs = nearest(source.positions, target.positions, self.neighbours + 1)
        found = pairs.reshape(len(target), -1, 2)
        own = found[..., 0] == found[..., 1]
        # Where others lie in the same place a node may not be among its own nearest: then the last one goes.
        own[:, -1] |= ~own.any(axis=1)
        others: Pairs = found[~own]
        return others
