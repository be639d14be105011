"""The checks of attributes of edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from anemoi_plugin_testing import (
    Check,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_built,
)
from numpy.typing import NDArray

from ..interfaces import EdgeAttribute
from ..node_set import NodeSet
from .places import PLACES, all_pairs, mesh, one, region, regular, spread, turned, untouched

GIVES: Final = ("builds", "gives_its_columns")


def _cases() -> Iterator[tuple[str, NodeSet, NodeSet]]:
    hidden = mesh()
    for words, make in PLACES.items():
        yield f"{words} to a mesh", make(), hidden
        yield f"a mesh to {words}", hidden, make()
    yield "a regular grid to itself", regular(), regular()
    yield "one node to itself", one(), one()


def _values(subject: Subject, source: NodeSet, target: NodeSet) -> NDArray[np.floating[Any]]:
    attribute: EdgeAttribute = subject.build()
    return attribute.values(source, target, all_pairs(source, target))


@contract()
def builds(subject: Subject) -> None:
    """It is built from its own options alone, and has columns, each with a name of its own."""
    attribute: EdgeAttribute = require_built(subject)
    names = getattr(attribute, "names", None)
    named = isinstance(names, tuple) and names and all(isinstance(each, str) and each for each in names)
    require(bool(named), f"its names are {names!r}, not a tuple of words")
    require(len(set(attribute.names)) == len(attribute.names), f"its names are {names!r}")


@contract(after=("builds",))
def gives_its_columns(subject: Subject) -> None:
    """There is one row for each edge and one column for each name; none without edges."""
    columns = len(subject.build().names)
    source, target = spread(), mesh()
    for pairs in (all_pairs(source, target), np.empty((0, 2), dtype=np.int64)):
        found = subject.build().values(source, target, pairs)
        wanted = (len(pairs), columns)
        require(found.shape == wanted, f"values of {len(pairs)} edges have shape {found.shape}, not {wanted}")


@contract(after=GIVES)
def is_finite(subject: Subject) -> None:
    """Values are finite numbers, at the poles and for edges without length too."""
    for words, source, target in _cases():
        require(bool(np.isfinite(_values(subject, source, target)).all()), f"{words}: values are not finite")


@contract(after=GIVES)
def is_the_same_every_time(subject: Subject) -> None:
    """The same options and edges give the same values."""
    attribute: EdgeAttribute = subject.build()
    attribute.values(region(), mesh(), all_pairs(region(), mesh()))
    one_time = attribute.values(spread(), mesh(), all_pairs(spread(), mesh()))
    require(np.array_equal(one_time, _values(subject, spread(), mesh())), "values differ the second time")


@contract(after=(*GIVES, "is_finite", "is_the_same_every_time"))
def does_not_see_the_date_line(subject: Subject) -> None:
    """Longitudes from -180 to 180 give the same values as the same places from 0 to 360."""
    for source, target in ((region(), mesh()), (mesh(), region())):
        one_way, other = _values(subject, source, target), _values(subject, turned(source), turned(target))
        require(
            np.allclose(one_way, other, atol=1e-6), "values differ when longitudes are written differently"
        )


@contract(after=GIVES)
def leaves_edges_and_nodes_alone(subject: Subject) -> None:
    """Pairs and coordinates are the same after as before."""
    source, target = region(), mesh()
    pairs = all_pairs(source, target)
    subject.build().values(source, target, pairs)
    require(np.array_equal(pairs, all_pairs(source, target)), "the pairs were written to")
    require(untouched(source, region()) and untouched(target, mesh()), "coordinates were written to")


@contract(after=(*GIVES, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, give the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    same = np.array_equal(_values(subject, spread(), mesh()), _values(written, spread(), mesh()))
    require(same, "values differ")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    gives_its_columns,
    is_finite,
    is_the_same_every_time,
    does_not_see_the_date_line,
    leaves_edges_and_nodes_alone,
    options_survive_a_configuration,
)
