"""The graph builder ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import HIDDEN, EdgeName, Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Capability, GraphBuilder
from numpy.typing import NDArray
from scipy.spatial import KDTree

Positions = NDArray[np.float64]
"""Unit vectors, ``(points, 3)``."""


class {{ cookiecutter.__class }}(GraphBuilder):
    """A Fibonacci lattice: hidden nodes as evenly spread as any number of them can be.

    They lie on a spiral from pole to pole, each turned on from the last by the golden angle (Swinbank and
    Purser, "Fibonacci grids: a novel approach to global modelling", 2006).

    Parameters
    ----------
    hidden_nodes
        How many hidden nodes.
    neighbours
        How many other hidden nodes each hidden node hears.
    decoder_neighbours
        How many hidden nodes each grid point hears.

    Raises
    ------
    ConfigError
        If there are fewer hidden nodes than a node is to hear.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.NORMALISED_ATTRIBUTES})

    def __init__(self, *, hidden_nodes: int = 1000, neighbours: int = 6, decoder_neighbours: int = 3) -> None:
        if min(neighbours, decoder_neighbours) < 1 or hidden_nodes <= max(neighbours, decoder_neighbours):
            raise ConfigError(
                f"{hidden_nodes} hidden nodes cannot have {neighbours} neighbours each, "
                f"or each grid point {decoder_neighbours}.",
                fix="Choose more of hidden_nodes, and at least one neighbour.",
            )
        self.hidden_nodes, self.neighbours = hidden_nodes, neighbours
        self.decoder_neighbours = decoder_neighbours

    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """See :meth:`anemoi.core.interfaces.graph_builder.GraphBuilder.build`."""
        if HIDDEN in grids:
            raise ConfigError(f"A domain cannot be named {HIDDEN!r}, as the hidden nodes are.")
        hidden = _fibonacci(self.hidden_nodes)
        mesh = hidden.positions.numpy()
        tree = KDTree(mesh)
        # The first of the nearest hidden nodes is the node itself.
        among = _nearest(tree, mesh, self.neighbours + 1)[:, 1:]
        nodes: dict[str, Nodes] = {HIDDEN: hidden}
        edges: dict[EdgeName, Edges] = {(HIDDEN, HIDDEN): _edges(*_listed(among), mesh, mesh)}
        for name, grid in grids.items():
            points = grid.positions
            back = _nearest(tree, points, self.decoder_neighbours)
            nodes[name] = Nodes(torch.from_numpy(grid.latitudes), torch.from_numpy(grid.longitudes))
            edges[name, HIDDEN] = _edges(*_within(points, mesh), points, mesh)
            edges[HIDDEN, name] = _edges(*_listed(back), mesh, points)
        return Graph(nodes=nodes, edges=edges)


def _fibonacci(count: int) -> Nodes:
    index = torch.arange(count, dtype=torch.float64)
    latitudes = torch.rad2deg(torch.asin(1.0 - (2.0 * index + 1.0) / count))
    golden_angle = 180.0 * (3.0 - 5.0**0.5)
    return Nodes(latitudes, (index * golden_angle) % 360.0)


def _nearest(tree: KDTree, places: Positions, count: int) -> NDArray[np.int64]:
    """Find what is nearest to each place, ``(places, count)``, the nearest first."""
    return np.asarray(tree.query(places, np.arange(1, count + 1))[1], dtype=np.int64)


def _within(points: Positions, mesh: Positions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join each hidden node to the grid points within its cell, or to the nearest if there are none."""
    # A node stands for an area of 4 pi / count; a circle of twice that leaves no gap between the nodes.
    radius = np.sqrt(8.0 / len(mesh))
    tree = KDTree(points)
    found = tree.query_ball_point(mesh, radius, return_sorted=True)
    nearest = _nearest(tree, mesh, 1)
    heard = [
        np.asarray(near or alone, dtype=np.int64) for near, alone in zip(found, nearest.tolist(), strict=True)
    ]
    return np.concatenate(heard), np.repeat(np.arange(len(mesh)), [len(each) for each in heard])


def _listed(sources: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the ends of the edges where row ``i`` of ``sources`` is what node ``i`` hears."""
    return sources.reshape(-1), np.repeat(np.arange(len(sources)), sources.shape[1])


def _edges(
    source: NDArray[np.int64], target: NDArray[np.int64], sources: Positions, targets: Positions
) -> Edges:
    """Give the edges with what is known of each: the way from source to target, the longest being one."""
    way = sources[source] - targets[target]  # (edges, 3)
    length = np.linalg.norm(way, axis=1, keepdims=True)
    known = np.concatenate([length, way], axis=1) / max(length.max(), 1e-9)
    return Edges.sorted(
        torch.from_numpy(source.astype(np.int64)),
        torch.from_numpy(target.astype(np.int64)),
        torch.from_numpy(known.astype(np.float32)),
        ("length", "x", "y", "z"),
    )
