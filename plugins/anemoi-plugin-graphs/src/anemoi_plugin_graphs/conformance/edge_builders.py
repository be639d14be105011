"""The checks of edge builders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi_plugin_testing import (
    Check,
    NotApplicableError,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)

from ..interfaces import EdgeBuilder
from ..neighbours import Pairs, in_order
from ..node_set import NodeSet
from .places import mesh, one, region, regular, spread, turned, untouched

JOINS: Final = ("builds", "joins_nodes_that_exist")


def _cases() -> Iterator[tuple[str, NodeSet, NodeSet]]:
    hidden = mesh()
    yield "a mesh to itself", hidden, hidden
    yield "the globe to a mesh", spread(), hidden
    yield "a mesh to a regular grid", hidden, regular()
    yield "a region to a mesh", region(), hidden
    yield "one node to a mesh", one(), hidden


def _joined(subject: Subject, source: NodeSet, target: NodeSet) -> Pairs | None:
    """The pairs; None where it says that it does not join such nodes."""
    builder: EdgeBuilder = subject.build()
    try:
        return builder.build(source, target)
    except ConfigError:
        return None


def _all(subject: Subject) -> Iterator[tuple[str, NodeSet, NodeSet, Pairs]]:
    for words, source, target in _cases():
        pairs = _joined(subject, source, target)
        if pairs is not None:
            yield words, source, target, pairs


@contract()
def builds(subject: Subject) -> None:
    """It is built from its own options alone, and joins a mesh to itself, or nodes to others."""
    require_options(subject)
    require(next(_all(subject), None) is not None, "it refuses all nodes that it was tried on")


@contract(after=("builds",))
def joins_nodes_that_exist(subject: Subject) -> None:
    """Pairs are int64 numbers of a source and a target that there are; there are some."""
    some = 0
    for words, source, target, pairs in _all(subject):
        shaped = pairs.ndim == 2 and pairs.shape[1] == 2 and pairs.dtype == np.int64
        require(shaped, f"{words}: pairs are {pairs.dtype} {pairs.shape}, not int64 (edges, 2)")
        there = (pairs >= 0) & (pairs < [len(source), len(target)])
        require(bool(there.all()), f"{words}: pairs lead to nodes that are not there")
        some += len(pairs)
    require(some > 0, "it joins nothing at all")


@contract(after=JOINS)
def joins_no_node_to_itself(subject: Subject) -> None:
    """Where a set is joined with itself, no node is joined to itself."""
    hidden = mesh()
    pairs = _joined(subject, hidden, hidden)
    if pairs is None:
        raise NotApplicableError("it joins no set with itself")
    loops = int((pairs[:, 0] == pairs[:, 1]).sum())
    require(not loops, f"{loops} nodes are joined to themselves")


@contract(after=JOINS)
def is_the_same_every_time(subject: Subject) -> None:
    """The same options and nodes give the same pairs."""
    for words, source, target, pairs in _all(subject):
        again = _joined(subject, source, target)
        require(_same(pairs, again, source), f"{words}: pairs differ the second time")


@contract(after=(*JOINS, "is_the_same_every_time"))
def does_not_see_the_date_line(subject: Subject) -> None:
    """Longitudes from -180 to 180 give the same pairs as the same places from 0 to 360."""
    for words, source, target, pairs in _all(subject):
        again = _joined(subject, turned(source), turned(target)) if source is not target else None
        require(
            source is target or _same(pairs, again, source),
            f"{words}: pairs differ when longitudes are written differently",
        )


@contract(after=JOINS)
def leaves_the_nodes_alone(subject: Subject) -> None:
    """The coordinates of the nodes are the same after as before."""
    for (words, source, target), (_, first, second) in zip(_cases(), _cases(), strict=True):
        _joined(subject, source, target)
        require(
            untouched(source, first) and untouched(target, second), f"{words}: coordinates were written to"
        )


@contract(after=(*JOINS, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, join the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    for words, source, target, pairs in _all(subject):
        require(_same(pairs, _joined(written, source, target), source), f"{words}: pairs differ")


def _same(pairs: Pairs, other: Pairs | None, source: NodeSet) -> bool:
    return other is not None and np.array_equal(in_order(pairs, len(source)), in_order(other, len(source)))


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    joins_nodes_that_exist,
    joins_no_node_to_itself,
    is_the_same_every_time,
    does_not_see_the_date_line,
    leaves_the_nodes_alone,
    options_survive_a_configuration,
)
