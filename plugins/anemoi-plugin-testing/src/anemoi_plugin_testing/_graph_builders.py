"""The checks of graph builders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from anemoi.core.graph import DATA, HIDDEN, EdgeName, Edges, Graph
from anemoi.core.grid import Grid
from anemoi.core.interfaces.capability import Capability

from ._check import Check, NotApplicableError, Subject, contract, require
from ._graphs import regular_grid, spread_grid
from ._options import from_configuration, options_are_declared, require_built

BUILT = ("builds", "has_the_parts_of_a_model")


def _build(subject: Subject, grids: Grid | Mapping[str, Grid]) -> Graph:
    """The graph on the grid of one domain, ``data``, or on those of several."""
    graph: Graph = subject.build().build({DATA: grids} if isinstance(grids, Grid) else grids)
    return graph


def _words(ends: EdgeName) -> str:
    return f"the edges {ends[0]} -> {ends[1]}"


@contract()
def builds(subject: Subject) -> None:
    """It is built from its options, and builds a graph on the grid of one domain, ``data``."""
    graph = require_built(subject).build({DATA: spread_grid()})
    require(isinstance(graph, Graph), f"what it builds is a {type(graph).__name__}, not a Graph")


@contract(after=("builds",))
def has_the_parts_of_a_model(subject: Subject) -> None:
    """The graph has nodes ``data`` and ``hidden``, and edges from data to hidden, among hidden and back."""
    _require_parts(_build(subject, spread_grid()), (DATA,))


def _require_parts(graph: Graph, domains: Iterable[str]) -> None:
    names = (*domains, HIDDEN)
    missing = [name for name in names if not len(graph.nodes.get(name, ()))]
    require(not missing, f"there are no nodes {', '.join(missing)}")
    wanted = [ends for name in names for ends in dict.fromkeys(((name, HIDDEN), (HIDDEN, name)))]
    absent = [_words(ends) for ends in wanted if ends not in graph.edges]
    require(not absent, f"{', '.join(absent)} are not there")


@contract(after=BUILT)
def keeps_the_grid(subject: Subject) -> None:
    """The nodes ``data`` are the points of the grid, in its order."""
    grid = spread_grid()
    _require_points(_build(subject, grid), DATA, grid)


def _require_points(graph: Graph, name: str, grid: Grid) -> None:
    nodes = graph.nodes[name]
    require(len(nodes) == len(grid), f"there are {len(nodes)} nodes {name} for {len(grid)} points")
    there = Grid(nodes.latitudes.numpy().astype(float), nodes.longitudes.numpy().astype(float))
    require(grid.matches(there), f"the nodes {name} lie elsewhere, or in another order")


@contract(after=BUILT)
def sorts_edges_by_target(subject: Subject) -> None:
    """The targets of the edges never decrease."""
    for ends, edges in _build(subject, spread_grid()).edges.items():
        falls = (edges.target.diff() < 0).nonzero()
        require(
            not len(falls),
            f"{_words(ends)} are out of order" + (f" at {int(falls[0])}" if len(falls) else ""),
        )


@contract(after=BUILT)
def points_at_nodes_that_exist(subject: Subject) -> None:
    """The ends of the edges are int64 numbers of nodes that there are."""
    graph = _build(subject, spread_grid())
    for ends, edges in graph.edges.items():
        for end, index in zip(ends, (edges.source, edges.target), strict=True):
            require(index.dtype == torch.int64, f"{_words(ends)} are numbered with {index.dtype}")
            outside = ((index < 0) | (index >= len(graph.nodes[end]))).sum()
            require(not outside, f"{int(outside)} of {_words(ends)} point outside the nodes {end!r}")


@contract(after=BUILT)
def joins_no_pair_twice(subject: Subject) -> None:
    """No two edges of one kind have the same source and the same target."""
    for ends, edges in _build(subject, spread_grid()).edges.items():
        pairs = torch.stack([edges.source, edges.target])
        twice = pairs.shape[1] - torch.unique(pairs, dim=1).shape[1]
        require(not twice, f"{twice} of {_words(ends)} are there already")


def _alone(edges: Edges, count: int) -> int:
    heard = edges.target[(edges.target >= 0) & (edges.target < count)]
    return int((torch.bincount(heard, minlength=count) == 0).sum())


@contract(after=BUILT)
def reaches_every_data_node(subject: Subject) -> None:
    """Every data node is the target of an edge from a hidden node, at the poles too."""
    for grid in (spread_grid(), regular_grid()):
        alone = _alone(_build(subject, grid).edges[HIDDEN, DATA], len(grid))
        require(not alone, f"{alone} of {len(grid)} data nodes are not reached")


@contract(after=BUILT, unless=Capability.UNFED_HIDDEN_NODES)
def feeds_every_hidden_node(subject: Subject) -> None:
    """Every hidden node is the target of an edge from a data node."""
    for grid in (spread_grid(), regular_grid()):
        graph = _build(subject, grid)
        hidden = len(graph.nodes[HIDDEN])
        alone = _alone(graph.edges[DATA, HIDDEN], hidden)
        require(not alone, f"{alone} of {hidden} hidden nodes are not fed")


@contract(after=BUILT)
def describes_its_edges(subject: Subject) -> None:
    """Each edge has at least one attribute, float32 and finite; the names of attributes are unique."""
    for grid in (spread_grid(), regular_grid()):
        for ends, edges in _build(subject, grid).edges.items():
            names = edges.attribute_names
            require(names, f"{_words(ends)} have no attributes")
            require(len(set(names)) == len(names), f"{_words(ends)} have attributes {names}")
            dtype = edges.attributes.dtype
            require(dtype == torch.float32, f"the attributes of {_words(ends)} are {dtype}")
            odd = [
                name for name, one in zip(names, edges.attributes.T, strict=True) if not one.isfinite().all()
            ]
            require(not odd, f"the attributes {', '.join(odd)} of {_words(ends)} are not finite everywhere")


@contract(after=(*BUILT, "describes_its_edges"), needs=Capability.NORMALISED_ATTRIBUTES)
def normalises_its_attributes(subject: Subject) -> None:
    """Every attribute lies within [-1, 1], on every grid."""
    for grid in (spread_grid(), regular_grid(), spread_grid(20)):
        for ends, edges in _build(subject, grid).edges.items():
            largest = float(edges.attributes.abs().max()) if len(edges) else 0.0
            require(largest <= 1 + 1e-5, f"an attribute of {_words(ends)} is as large as {largest:.4g}")


def _require_same(
    one: Graph, other: Graph, *, tolerance: float, names: Iterable[EdgeName] | None = None
) -> None:
    for ends in one.edges if names is None else names:
        edges, again = one.edges[ends], other.edges[ends]
        same = torch.equal(edges.source, again.source) and torch.equal(edges.target, again.target)
        require(same, f"{_words(ends)} are others: {len(edges)} once, {len(again)} then")
        if edges.attributes.numel():
            difference = float((edges.attributes - again.attributes).abs().max())
            require(
                not difference > tolerance, f"the attributes of {_words(ends)} differ by {difference:.2g}"
            )


@contract(after=BUILT)
def is_the_same_every_time(subject: Subject) -> None:
    """The same options and the same grid give the same graph to the bit, whatever was built before."""
    first = subject.build()
    first.build({DATA: regular_grid()})
    one, other = first.build({DATA: spread_grid()}), _build(subject, spread_grid())
    _require_same(one, other, tolerance=0.0)
    same = all(torch.equal(nodes.positions, other.nodes[name].positions) for name, nodes in one.nodes.items())
    require(same, "nodes lie elsewhere the second time")


@contract(after=(*BUILT, "keeps_the_grid", "reaches_every_data_node"))
def gives_each_domain_its_own(subject: Subject) -> None:
    """On several grids, each domain has nodes of its name, edges to hidden, and edges back to each node."""
    grids = {"atmosphere": spread_grid(), "ocean": regular_grid()}
    graph = _build(subject, grids)
    _require_parts(graph, grids)
    for name, grid in grids.items():
        _require_points(graph, name, grid)
        alone = _alone(graph.edges[HIDDEN, name], len(grid))
        require(not alone, f"{alone} of {len(grid)} nodes {name} are not reached")


@contract(after=("is_the_same_every_time", "describes_its_edges", "gives_each_domain_its_own"))
def joins_each_domain_on_its_own(subject: Subject) -> None:
    """The edges of a domain are the same beside another as alone, where the hidden nodes are the same."""
    grids = {DATA: spread_grid(), "ocean": regular_grid()}
    together, compared = _build(subject, grids), False
    for name, grid in grids.items():
        alone = _build(subject, {name: grid})
        if torch.equal(alone.nodes[HIDDEN].positions, together.nodes[HIDDEN].positions):
            _require_same(alone, together, tolerance=0.0, names=((name, HIDDEN), (HIDDEN, name)))
            compared = True
    if not compared:
        raise NotApplicableError("it lays hidden nodes that differ with each set of grids")


@contract(after=(*BUILT, "is_the_same_every_time", "describes_its_edges"))
def does_not_see_the_date_line(subject: Subject) -> None:
    """Longitudes from -180 to 180 give the same edges as the same places from 0 to 360."""
    grid = spread_grid()
    turned = replace(grid, longitudes=(grid.longitudes + 180.0) % 360.0 - 180.0)
    _require_same(_build(subject, grid), _build(subject, turned), tolerance=1e-4)


@contract(after=(*BUILT, "is_the_same_every_time", "describes_its_edges"))
def copes_with_the_poles(subject: Subject) -> None:
    """Points at a pole, one place with many longitudes, are joined to what is near, as all points are."""
    graph = _build(subject, regular_grid())
    for ends in ((DATA, HIDDEN), (HIDDEN, DATA)):
        edges = graph.edges[ends]
        source, target = graph.nodes[ends[0]], graph.nodes[ends[1]]
        length = (source.positions[edges.source] - target.positions[edges.target]).norm(dim=-1)
        data = (source if ends[0] == DATA else target).latitudes[
            edges.source if ends[0] == DATA else edges.target
        ]
        polar, other = length[data.abs() > 89.9], length[data.abs() <= 89.9]
        if len(polar) and len(other):
            require(
                polar.max() <= 2.0 * other.max(),
                f"{_words(ends)} are up to {float(other.max()):.2g} Earth radii long, "
                f"but at the poles {float(polar.max()):.2g}",
            )


@contract(
    after=(*BUILT, "is_the_same_every_time", "describes_its_edges"), needs=Capability.ROTATION_INVARIANT
)
def turns_with_the_grid(subject: Subject) -> None:
    """A grid turned about the axis of the Earth gives the same edges with the same attributes."""
    grid = spread_grid()
    turned = replace(grid, longitudes=(grid.longitudes + 41.3) % 360.0)
    _require_same(_build(subject, grid), _build(subject, turned), tolerance=1e-4)


@contract(after=BUILT)
def leaves_the_grid_alone(subject: Subject) -> None:
    """The coordinates of the grid are the same after as before."""
    grid, before = regular_grid(), regular_grid()
    _build(subject, grid)
    same = np.array_equal(grid.latitudes, before.latitudes) and np.array_equal(
        grid.longitudes, before.longitudes
    )
    require(same, "the coordinates were written to")


@contract(after=(*BUILT, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    _require_same(_build(subject, spread_grid()), _build(written, spread_grid()), tolerance=0.0)


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "graph": (
        options_are_declared,
        builds,
        has_the_parts_of_a_model,
        keeps_the_grid,
        sorts_edges_by_target,
        points_at_nodes_that_exist,
        joins_no_pair_twice,
        reaches_every_data_node,
        feeds_every_hidden_node,
        describes_its_edges,
        normalises_its_attributes,
        is_the_same_every_time,
        gives_each_domain_its_own,
        joins_each_domain_on_its_own,
        does_not_see_the_date_line,
        copes_with_the_poles,
        turns_with_the_grid,
        leaves_the_grid_alone,
        options_survive_a_configuration,
    )
}
