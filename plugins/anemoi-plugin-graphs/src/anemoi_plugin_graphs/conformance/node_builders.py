"""The checks of node builders."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from anemoi_plugin_testing import (
    Check,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)

from ..interfaces import NodeBuilder
from ..node_set import NodeSet
from .places import PLACES, region, spread, turned, untouched

LAYS: Final = ("builds", "lays_nodes")


def _built(subject: Subject, nodes: NodeSet) -> NodeSet:
    builder: NodeBuilder = subject.build()
    return builder.build({"data": nodes})


@contract()
def builds(subject: Subject) -> None:
    """It is built from its own options alone, and lays nodes around the points of one domain."""
    require_options(subject)
    found = _built(subject, spread())
    require(isinstance(found, NodeSet), f"what it lays is a {type(found).__name__}, not a NodeSet")


@contract(after=("builds",))
def lays_nodes(subject: Subject) -> None:
    """There is at least one node, at finite coordinates, latitudes within [-90, 90]."""
    for words, make in PLACES.items():
        found = _built(subject, make())
        require(len(found) > 0, f"around {words} there are no nodes")
        finite = np.isfinite(found.latitudes).all() and np.isfinite(found.longitudes).all()
        require(bool(finite), f"around {words} coordinates are not finite")
        highest = float(np.abs(found.latitudes).max())
        require(highest <= 90.0, f"around {words} there is a node at latitude {highest:g}")
        kinds = {found.latitudes.dtype, found.longitudes.dtype}
        require(kinds == {np.dtype(np.float64)}, f"coordinates are {', '.join(map(str, kinds))}, not float64")


@contract(after=LAYS)
def lays_no_node_twice(subject: Subject) -> None:
    """No two nodes lie in one place."""
    for words, make in PLACES.items():
        found = _built(subject, make())
        twice = len(found) - len(np.unique(found.positions.round(9) + 0.0, axis=0))
        require(not twice, f"around {words} {twice} of {len(found)} nodes lie where another does")


@contract(after=LAYS)
def numbers_the_edges_of_its_meshes(subject: Subject) -> None:
    """The edges of its meshes, if it makes any, join nodes that there are, each pair once."""
    for words, make in PLACES.items():
        found = _built(subject, make())
        for scale, edges in enumerate(found.meshes):
            where = f"in scale {scale} of the mesh around {words}"
            shaped = edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype == np.int64
            require(shaped, f"{where} edges are {edges.dtype} {edges.shape}, not int64 (edges, 2)")
            there = bool(((edges >= 0) & (edges < len(found))).all())
            require(there, f"{where} edges lead to nodes that are not there")
            once = len(np.unique(np.sort(edges, axis=1), axis=0)) == len(edges)
            require(once, f"{where} some edges are there twice, or in both directions")
            require(bool((edges[:, 0] != edges[:, 1]).all()), f"{where} some edges join a node to itself")


@contract(after=LAYS)
def is_the_same_every_time(subject: Subject) -> None:
    """The same options and nodes give the same nodes to the bit, whatever was laid before."""
    builder: NodeBuilder = subject.build()
    builder.build({"data": region()})
    one, other = builder.build({"data": spread()}), _built(subject, spread())
    same = untouched(one, other) and all(map(np.array_equal, one.meshes, other.meshes))
    require(same, "nodes differ the second time")


@contract(after=(*LAYS, "is_the_same_every_time"))
def does_not_see_the_date_line(subject: Subject) -> None:
    """Longitudes from -180 to 180 give the same nodes as the same places from 0 to 360."""
    for words, make in PLACES.items():
        one, other = _built(subject, make()), _built(subject, turned(make()))
        same = len(one) == len(other) and np.allclose(one.positions, other.positions, atol=1e-9)
        require(bool(same), f"around {words} nodes lie elsewhere when its longitudes are written differently")


@contract(after=LAYS)
def leaves_other_nodes_alone(subject: Subject) -> None:
    """The nodes that were there are the same after as before."""
    nodes = region()
    _built(subject, nodes)
    require(untouched(nodes, region()), "the coordinates of other nodes were written to")


@contract(after=(*LAYS, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, lay the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    require(untouched(_built(subject, spread()), _built(written, spread())), "nodes differ")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    lays_nodes,
    lays_no_node_twice,
    numbers_the_edges_of_its_meshes,
    is_the_same_every_time,
    does_not_see_the_date_line,
    leaves_other_nodes_alone,
    options_survive_a_configuration,
)
