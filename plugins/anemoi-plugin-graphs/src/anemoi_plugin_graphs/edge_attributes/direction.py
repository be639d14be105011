"""Where the source of an edge lies as seen from its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..interfaces import EdgeAttribute
from ..neighbours import Pairs
from ..node_set import NodeSet
from ..normalisation import Normalisation, normalised
from .length import blocks, differences


@dataclass(frozen=True, kw_only=True)
class EdgeDirection(EdgeAttribute):
    """The straight line from target to source, in the local frame of the target: up, east and north.

    GraphCast (Lam et al., 2023, supplementary material) gets the same three by turning the target to latitude
    and longitude zero, where up, east and north are x, y and z. At a pole the longitude that is given says
    which way is east.

    Parameters
    ----------
    normalise
        By what the lines of all edges of the set are divided, measured by their lengths.
    """

    normalise: Normalisation | None = "unit-max"
    names: ClassVar[tuple[str, ...]] = ("edge_up", "edge_east", "edge_north")

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        latitude, longitude = np.deg2rad(target.latitudes), np.deg2rad(target.longitudes)
        angles = np.stack([np.cos(latitude), np.sin(latitude), np.cos(longitude), np.sin(longitude)], axis=-1)
        local, lengths = np.empty((len(pairs), 3)), np.empty(len(pairs))
        for some in blocks(len(pairs)):
            difference = differences(source, target, pairs[some])
            x, y, z = difference.T
            cos_latitude, sin_latitude, cos_longitude, sin_longitude = angles.take(pairs[some, 1], axis=0).T
            outward = cos_longitude * x + sin_longitude * y  # from the axis of the Earth
            local[some, 0] = cos_latitude * outward + sin_latitude * z
            local[some, 1] = cos_longitude * y - sin_longitude * x
            local[some, 2] = cos_latitude * z - sin_latitude * outward
            lengths[some] = np.linalg.norm(difference, axis=-1)
        return normalised(local, self.normalise, lengths=lengths, out=local)


def local_axes(nodes: NodeSet) -> NDArray[np.float64]:
    """The unit vectors up, east and north at each node, as rows: ``(nodes, 3, 3)``."""
    latitude, longitude = np.deg2rad(nodes.latitudes), np.deg2rad(nodes.longitudes)
    zero = np.zeros_like(latitude)
    east = [-np.sin(longitude), np.cos(longitude), zero]
    north = [-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)]
    axes = [nodes.positions, np.stack(east, axis=-1), np.stack(north, axis=-1)]
    return np.stack(axes, axis=1)
