"""Nodes to try components on: over the globe, over a region, at the poles, in one place."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..icosphere import icosphere
from ..neighbours import Pairs
from ..node_set import NodeSet


def spread(count: int = 200) -> NodeSet:
    """Nodes spread evenly over the globe, on a Fibonacci lattice."""
    index = np.arange(count)
    latitudes = np.rad2deg(np.arcsin(1.0 - (2.0 * index + 1.0) / count))
    return NodeSet(latitudes, (index * 180.0 * (5.0**0.5 - 1.0)) % 360.0)


def regular() -> NodeSet:
    """Rows from pole to pole, the poles as often as a row has nodes."""
    latitudes, longitudes = np.meshgrid(
        np.linspace(90.0, -90.0, 13), np.arange(0.0, 360.0, 15.0), indexing="ij"
    )
    return NodeSet(latitudes.ravel(), longitudes.ravel())


def region() -> NodeSet:
    """A region across the date line."""
    latitudes, longitudes = np.meshgrid(
        np.linspace(-8.0, 8.0, 9), np.linspace(170.0, 190.0, 11), indexing="ij"
    )
    return NodeSet(latitudes.ravel(), longitudes.ravel())


def one() -> NodeSet:
    """A single node, on a pole."""
    return NodeSet(np.array([90.0]), np.array([0.0]))


def mesh() -> NodeSet:
    """An icosahedral mesh of three scales, over the globe."""
    found = icosphere(2)
    return NodeSet.at(found.vertices, meshes=found.edges)


def turned(nodes: NodeSet) -> NodeSet:
    """The same places, with longitudes from -180 to 180 or from 0 to 360, whichever they do not have."""
    other = (nodes.longitudes + 180.0) % 360.0 - 180.0
    if np.array_equal(other, nodes.longitudes):
        other = nodes.longitudes % 360.0
    return NodeSet(nodes.latitudes, other, nodes.attributes, nodes.meshes)


def untouched(nodes: NodeSet, other: NodeSet) -> bool:
    """Whether nodes are to the bit what they were."""
    return np.array_equal(nodes.latitudes, other.latitudes) and np.array_equal(
        nodes.longitudes, other.longitudes
    )


def all_pairs(source: NodeSet, target: NodeSet) -> Pairs:
    """Every source and every target, sorted as a recipe sorts them."""
    targets, sources = np.divmod(np.arange(len(source) * len(target)), len(source))
    return np.stack([sources, targets], axis=-1)


PLACES: Final = {"the globe": spread, "a regular grid": regular, "a region": region, "one node": one}
