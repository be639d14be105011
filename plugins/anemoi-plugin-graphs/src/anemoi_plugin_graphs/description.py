"""What there is to say about a graph in a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from anemoi.core.graph import Edges, Graph, Nodes

from .neighbours import EARTH

BARS = "▁▂▃▄▅▆▇█"
BINS = 16


@dataclass(frozen=True)
class NodesDescription:
    """One set of nodes.

    Parameters
    ----------
    name, count
        Its name, and how many there are.
    south, north
        The latitudes that they lie between, degrees.
    attributes
        The names of their weights and masks.
    """

    name: str
    count: int
    south: float
    north: float
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class EdgesDescription:
    """One set of edges.

    Parameters
    ----------
    source, target, count
        What it joins, and how many edges there are.
    attributes
        The names of their attributes.
    fewest, mean, most
        How many sources a target hears.
    alone
        How many targets hear nobody.
    unheard
        How many sources nobody hears.
    shortest_km, mean_km, longest_km
        The great-circle lengths of the edges.
    degrees, lengths
        Histograms of both: how many targets, and edges, fall into each of 16 equal bins from the least to the
        most.
    """

    source: str
    target: str
    count: int
    attributes: tuple[str, ...]
    fewest: int
    mean: float
    most: int
    alone: int
    unheard: int
    shortest_km: float
    mean_km: float
    longest_km: float
    degrees: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """A whole graph.

    Parameters
    ----------
    identity
        Its content hash.
    nodes, edges
        All sets of both.
    """

    identity: str
    nodes: tuple[NodesDescription, ...]
    edges: tuple[EdgesDescription, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


def describe(graph: Graph) -> Description:
    """Describe a graph."""
    return Description(
        graph.identity,
        tuple(_of_nodes(name, nodes) for name, nodes in graph.nodes.items()),
        tuple(
            _of_edges(source, target, edges, graph.nodes[source], graph.nodes[target])
            for (source, target), edges in graph.edges.items()
        ),
    )


def bars(counts: tuple[int, ...]) -> str:
    """A histogram as a row of bars, one character for each bin; a blank where there is nothing."""
    most = max(counts, default=0)
    return "".join(BARS[(count * len(BARS) - 1) // most] if count else " " for count in counts)


def _of_nodes(name: str, nodes: Nodes) -> NodesDescription:
    south, north = (float(each) for each in (nodes.latitudes.min(), nodes.latitudes.max()))
    return NodesDescription(name, len(nodes), south, north, tuple(nodes.attributes))


def _of_edges(source: str, target: str, edges: Edges, sources: Nodes, targets: Nodes) -> EdgesDescription:
    heard = torch.bincount(edges.target, minlength=len(targets)).numpy()
    hearing = torch.bincount(edges.source, minlength=len(sources)).numpy()
    chord = (sources.positions[edges.source] - targets.positions[edges.target]).norm(dim=-1).numpy()
    km = 2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0)) * EARTH
    known = km if len(km) else np.zeros(1)
    return EdgesDescription(
        source=source,
        target=target,
        count=len(edges),
        attributes=edges.attribute_names,
        fewest=int(heard.min()),
        mean=float(heard.mean()),
        most=int(heard.max()),
        alone=int((heard == 0).sum()),
        unheard=int((hearing == 0).sum()),
        shortest_km=float(known.min()),
        mean_km=float(known.mean()),
        longest_km=float(known.max()),
        degrees=tuple(np.histogram(heard, BINS)[0].tolist()),
        lengths=tuple(np.histogram(km, BINS)[0].tolist()),
    )
