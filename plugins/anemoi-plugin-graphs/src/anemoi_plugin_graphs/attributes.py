"""What an edge knows: how long it is, and where its source lies as seen from its target."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.graph import Edges, Nodes
from numpy.typing import NDArray

from .neighbours import SAME, Pairs

ATTRIBUTES = ("edge_length", "edge_up", "edge_east", "edge_north")


def edges_with_attributes(source: Nodes, target: Nodes, pairs: Pairs) -> Edges:
    """Edges along ``pairs``, which are sorted by target, with the attributes :data:`ATTRIBUTES`.

    ``edge_length`` is the great-circle distance, as a fraction of the longest of these edges. The
    other three say where the source lies in the local frame of the target (up, east, north): the
    straight line to it, as a fraction of the longest such line. GraphCast (Lam et al., 2023,
    supplementary material) gets the same three by turning the target to latitude and longitude
    zero, where up, east and north are x, y and z. At a pole the longitude that is given says which
    way is east.
    """
    difference = source.positions.numpy()[pairs[:, 0]] - target.positions.numpy()[pairs[:, 1]]
    local = np.einsum("eij,ej->ei", _local_axes(target)[pairs[:, 1]], difference)
    chord = np.linalg.norm(difference, axis=-1)
    length = 2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))
    attributes = np.column_stack([_scaled(length, length), _scaled(local, chord)]).astype(np.float32)
    index = torch.from_numpy(np.ascontiguousarray(pairs.T))
    return Edges(index[0], index[1], torch.from_numpy(attributes), ATTRIBUTES)


def _local_axes(nodes: Nodes) -> NDArray[np.float64]:
    """Lay the unit vectors up, east and north at each node, as rows: ``(nodes, 3, 3)``."""
    latitude, longitude = np.deg2rad(nodes.latitudes.numpy()), np.deg2rad(nodes.longitudes.numpy())
    zero = np.zeros_like(latitude)
    east = [-np.sin(longitude), np.cos(longitude), zero]
    north = [-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)]
    axes = [nodes.positions.numpy(), np.stack(east, axis=-1), np.stack(north, axis=-1)]
    return np.stack(axes, axis=1)


def _scaled(values: NDArray[np.float64], lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the values by the longest length, unless that is but rounding."""
    longest = lengths.max()
    return values / longest if longest > SAME else values
