"""How two sets of nodes are joined, in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from anemoi.core.config import Builder, Component
from anemoi.core.errors import DataError
from numpy.typing import NDArray
from pydantic import Field

from .edge_attributes.direction import EdgeDirection
from .edge_attributes.length import EdgeLength, lengths
from .interfaces import EdgeAttribute, EdgeBuilder
from .neighbours import EARTH, Pairs, in_order, nearest
from .node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class Join:
    """One set of edges.

    Parameters
    ----------
    source, target
        The nodes that are joined; ``domains`` stands for each domain.
    by
        What joins them: the edges are those that any of these gives.
    attributes
        What is known of each edge; by default its length and direction.
    source_mask, target_mask
        Only nodes where this mask of theirs is true are joined.
    no_target_alone
        Whether a target without an edge is joined to its nearest source.
    longest_km
        Longer edges are left out, the last ones of a target too.
    """

    source: str
    target: str
    by: dict[str, Annotated[Builder, Component("edge_builder")]]
    attributes: dict[str, Annotated[Builder, Component("edge_attribute")]] | None = None
    source_mask: str | None = None
    target_mask: str | None = None
    no_target_alone: bool = True
    longest_km: Annotated[float, Field(gt=0)] | None = None


def join(each: Join, source: NodeSet, target: NodeSet) -> Pairs:
    """The edges of one set, ``(edges, 2)``, each once, sorted by target, then by source.

    Raises
    ------
    DataError
        If a mask leaves no nodes.
    """
    from_all, to_all = _masked(source, each.source_mask), _masked(target, each.target_mask)
    same = source is target and each.source_mask == each.target_mask
    sources = _selected(source, from_all)
    targets = sources if same else _selected(target, to_all)
    builders: list[EdgeBuilder] = [build() for build in each.by.values()]
    found = [builder.build(sources, targets) for builder in builders]
    pairs: Pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *found])
    if each.no_target_alone:
        alone = np.flatnonzero(np.bincount(pairs[:, 1], minlength=len(targets)) == 0)
        if len(alone) and not same:
            rescued = nearest(sources.positions, targets.positions[alone], 1)
            pairs = np.concatenate([pairs, np.stack([rescued[:, 0], alone], axis=-1)])
    pairs = np.stack([from_all[pairs[:, 0]], to_all[pairs[:, 1]]]).T
    pairs = in_order(pairs, len(source))
    if each.longest_km is not None:
        pairs = pairs[lengths(source, target, pairs) * EARTH <= each.longest_km]
    return pairs


def attributes_of(each: Join) -> list[EdgeAttribute]:
    """What is computed of each edge of a set."""
    if each.attributes is None:
        return [EdgeLength(), EdgeDirection()]
    return [build() for build in each.attributes.values()]


def _masked(nodes: NodeSet, name: str | None) -> NDArray[np.int64]:
    """The numbers of the nodes where a mask is true; of all without one."""
    if name is None:
        return np.arange(len(nodes))
    found = np.flatnonzero(nodes.mask(name))
    if not len(found):
        raise DataError(f"The mask {name!r} leaves no nodes.")
    return found


def _selected(nodes: NodeSet, numbers: NDArray[np.int64]) -> NodeSet:
    keep = np.zeros(len(nodes), dtype=bool)
    keep[numbers] = True
    return nodes if keep.all() else nodes.selected(keep)
