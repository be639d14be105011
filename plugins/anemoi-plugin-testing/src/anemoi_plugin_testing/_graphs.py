"""Small graphs to try layers on, and small grids to try graph builders on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from anemoi.core.graph import DATA, HIDDEN, EdgeName, Edges, Graph, Nodes
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from scipy.spatial import cKDTree

EDGES: tuple[EdgeName, ...] = ((DATA, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, DATA))
NEIGHBOURS = 4


def small_graph(*, data: int = 30, hidden: int = 12) -> Graph:
    """Nodes spread over the globe, each of which hears its nearest neighbours."""
    return _joined({DATA: _spread(data, 0.5), HIDDEN: _spread(hidden, 0.25)})


def graph_on(grids: Mapping[str, Grid], *, hidden: int = 12) -> Graph:
    """The points of each grid and hidden nodes, each of which hears its nearest neighbours.

    Above the hidden nodes lie ``hidden_1`` and ``hidden_2``, as graphs of several levels have them; a model
    that knows nothing of levels leaves them alone.
    """
    nodes = {
        name: Nodes(torch.tensor(grid.latitudes), torch.tensor(grid.longitudes))
        for name, grid in grids.items()
    }
    joined = _joined({**nodes, HIDDEN: _spread(hidden, 0.25)})
    levels = {HIDDEN: joined.nodes[HIDDEN], "hidden_1": _spread(6, 0.3), "hidden_2": _spread(3, 0.4)}
    names = list(levels)
    pairs = [(name, name) for name in names[1:]]
    pairs += [ends for one, other in pairwise(names) for ends in ((one, other), (other, one))]
    between = {ends: _nearest(levels[ends[0]], levels[ends[1]]) for ends in pairs}
    return Graph({**joined.nodes, **levels}, {**joined.edges, **between})


def graph_with_isolated_nodes() -> Graph:
    """One in three nodes neither hears nor is heard, the last among them."""
    whole = small_graph()
    edges = {}
    for ends, all_edges in whole.edges.items():
        keep = ((all_edges.source + 1) % 3 != 0) & ((all_edges.target + 1) % 3 != 0)
        edges[ends] = _pick(all_edges, keep.nonzero()[:, 0])
    return Graph(whole.nodes, edges)


def graph_of_one_node() -> Graph:
    """One data node and one hidden node, joined."""
    return small_graph(data=1, hidden=1)


def graph_of_uneven_degree() -> Graph:
    """The first node hears all others, and all others hear one."""
    whole = small_graph()
    edges = {}
    for source, target in EDGES:
        first = torch.arange(len(whole.nodes[source]))
        others = torch.arange(1, len(whole.nodes[target]))
        edges[source, target] = _edges(
            whole.nodes[source],
            whole.nodes[target],
            torch.cat([first, others % len(whole.nodes[source])]),
            torch.cat([torch.zeros_like(first), others]),
        )
    return Graph(whole.nodes, edges)


def spread_grid(points: int = 200) -> Grid:
    """Points spread evenly over the globe, on a Fibonacci lattice; longitudes from 0 to 360."""
    nodes = _spread(points, 0.5)
    return Grid(nodes.latitudes.numpy(), nodes.longitudes.numpy())


def regular_grid(latitudes: int = 13, longitudes: int = 24) -> Grid:
    """Rows from pole to pole, the poles themselves included, as often as a row has points."""
    latitude, longitude = np.meshgrid(
        np.linspace(90.0, -90.0, latitudes), np.arange(longitudes) * (360.0 / longitudes), indexing="ij"
    )
    return Grid(latitude.reshape(-1), longitude.reshape(-1), (latitudes, longitudes))


def gaussian_grid(latitudes: int = 12, longitudes: int = 24) -> Grid:
    """Rows at the roots of a Legendre polynomial, none of them at a pole."""
    rows = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(latitudes)[0][::-1]))
    latitude, longitude = np.meshgrid(rows, np.arange(longitudes) * (360.0 / longitudes), indexing="ij")
    return Grid(latitude.reshape(-1), longitude.reshape(-1), (latitudes, longitudes))


def _joined(nodes: Mapping[str, Nodes]) -> Graph:
    pairs = [ends for name in nodes if name != HIDDEN for ends in ((name, HIDDEN), (HIDDEN, name))] + [
        (HIDDEN, HIDDEN)
    ]
    return Graph(nodes, {ends: _nearest(nodes[ends[0]], nodes[ends[1]]) for ends in pairs})


def _spread(count: int, offset: float) -> Nodes:
    index = torch.arange(count, dtype=torch.float64)
    latitude = torch.rad2deg(torch.arcsin(1.0 - (2.0 * index + 2.0 * offset) / count))
    # Turning by the golden angle spreads points most evenly (Swinbank and Purser, 2006).
    return Nodes(latitude, (index * 180.0 * (3.0 - 5.0**0.5)) % 360.0)


def _nearest(source: Nodes, target: Nodes) -> Edges:
    count = min(NEIGHBOURS, len(source))
    _, found = cKDTree(source.positions.numpy()).query(target.positions.numpy(), k=np.arange(1, count + 1))
    index: NDArray[np.int64] = np.asarray(found, dtype=np.int64)
    return _edges(
        source,
        target,
        torch.from_numpy(index.reshape(-1)),
        torch.arange(len(target)).repeat_interleave(count),
    )


def _edges(source: Nodes, target: Nodes, of: torch.Tensor, to: torch.Tensor) -> Edges:
    difference = (source.positions[of] - target.positions[to]).float()
    attributes = torch.cat([difference.norm(dim=-1, keepdim=True), difference], dim=-1) / 2.0
    return Edges.sorted(of, to, attributes, ("length", "x", "y", "z"))


def _pick(edges: Edges, which: torch.Tensor) -> Edges:
    return Edges(edges.source[which], edges.target[which], edges.attributes[which], edges.attribute_names)
