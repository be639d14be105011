"""The checks of attributes of nodes: weights and masks."""

from __future__ import annotations

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

from ..interfaces import NodeAttribute
from ..node_set import NodeSet
from .places import mesh, region, regular, spread, turned, untouched

PLACES: Final = {"the globe": spread, "a regular grid": regular, "a region": region}
GIVES: Final = ("builds", "gives_one_value_for_each_node")


def _known(nodes: NodeSet) -> NodeSet:
    """Nodes with a mask and a weight, for attributes that are made of others."""
    known = {"mask": nodes.latitudes > 0.0, "weight": np.cos(np.deg2rad(nodes.latitudes)) + 0.1}
    return replace(nodes, attributes=known)


def _values(subject: Subject, nodes: NodeSet) -> NDArray[Any]:
    attribute: NodeAttribute = subject.build()
    return attribute.values(_known(nodes), {"data": _known(nodes), "hidden": _known(mesh())})


@contract()
def builds(subject: Subject) -> None:
    """It is built from its own options alone."""
    require_built(subject)


@contract(after=("builds",))
def gives_one_value_for_each_node(subject: Subject) -> None:
    """Values are finite float64, or bool; there is one for each node."""
    for words, make in PLACES.items():
        found = _values(subject, make())
        require(found.shape == (len(make()),), f"on {words} values have shape {found.shape}")
        known = found.dtype in (np.dtype(np.float64), np.dtype(np.bool_))
        require(known, f"on {words} values are {found.dtype}, neither float64 nor bool")
        require(bool(np.isfinite(found).all()), f"on {words} values are not finite")


@contract(after=GIVES)
def is_the_same_every_time(subject: Subject) -> None:
    """The same options and nodes give the same values."""
    require(np.array_equal(_values(subject, spread()), _values(subject, spread())), "values differ")


@contract(after=(*GIVES, "is_the_same_every_time"))
def does_not_see_the_date_line(subject: Subject) -> None:
    """Longitudes from -180 to 180 give the same values as the same places from 0 to 360.

    To a hundredth: cells along the border of a region may fall to either of two nodes by rounding.
    """
    for words, make in PLACES.items():
        one, other = (_values(subject, each).astype(float) for each in (make(), turned(make())))
        same = np.abs(one - other).max() <= 0.01 * np.abs(one).max()
        require(bool(same), f"on {words} values differ when longitudes are written differently")


@contract(after=GIVES)
def leaves_the_nodes_alone(subject: Subject) -> None:
    """Coordinates are the same after as before."""
    nodes = _known(region())
    subject.build().values(nodes, {"data": nodes, "hidden": _known(mesh())})
    require(untouched(nodes, region()), "coordinates were written to")


@contract(after=(*GIVES, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, give the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    require(np.array_equal(_values(subject, spread()), _values(written, spread())), "values differ")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    gives_one_value_for_each_node,
    is_the_same_every_time,
    does_not_see_the_date_line,
    leaves_the_nodes_alone,
    options_survive_a_configuration,
)
