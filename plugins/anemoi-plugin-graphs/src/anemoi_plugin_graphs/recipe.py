"""A graph put together from parts: nodes, edges and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np
import torch
from anemoi.core.config import Builder, Component
from anemoi.core.config.nearest import nearest as nearest_name
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.graph import EdgeName, Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.interfaces.graph_builder import GraphBuilder

from .interfaces import EdgeAttribute, NodeAttribute, NodeBuilder
from .joining import Join, attributes_of, join
from .neighbours import Pairs, in_order
from .node_set import NodeSet

DOMAINS = "domains"
"""Stands for each domain, where a recipe names nodes."""


@dataclass(frozen=True, kw_only=True)
class RecipeGraph(GraphBuilder):
    """A graph from a recipe: which nodes there are, what joins them, and what is known of each.

    Each domain of the data has nodes of its name. Where the recipe names nodes, ``domains`` stands for every
    domain in turn, so that one recipe serves one domain or several.

    Parameters
    ----------
    nodes
        What lays each further set of nodes, in this order; one is called ``hidden``.
    edges
        What joins nodes, each under a name of the user's choice. Where several join the same two sets, their
        edges are one set, and one of them says which attributes they have.
    attributes
        What is known of nodes: weights and masks, by the name of the nodes and their own, in this order.
    keep
        The mask of each set of nodes that tells which of them stay; it cannot be a domain's.
    remove_unconnected
        Sets of nodes of which those that no edge joins to another set are taken out.
    """

    capabilities: ClassVar = frozenset()

    nodes: dict[str, Annotated[Builder, Component("node_builder")]]
    edges: dict[str, Join]
    attributes: dict[str, dict[str, Annotated[Builder, Component("node_attribute")]]] = field(
        default_factory=dict
    )
    keep: dict[str, str] = field(default_factory=dict)
    remove_unconnected: tuple[str, ...] = ()

    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """See :meth:`anemoi.core.interfaces.GraphBuilder.build`.

        Raises
        ------
        ConfigError
            If the recipe names nodes that are not there, or says twice what is known of edges.
        DataError
            If a grid has no points, or nothing is left of a set of nodes.
        """
        sets = self._lay(grids)
        joins = self._joins(grids, sets)
        pairs = {
            (source, target): _pairs(several, sets[source], sets[target])
            for (source, target), several in joins.items()
        }
        for name in self.remove_unconnected:
            sets, pairs = _without_unconnected(name, sets, pairs)
        edges = {
            (source, target): _edges(several, sets[source], sets[target], pairs.pop((source, target)))
            for (source, target), several in joins.items()
        }
        return Graph(nodes={name: _nodes(each) for name, each in sets.items()}, edges=edges)

    def _lay(self, grids: Mapping[str, Grid]) -> dict[str, NodeSet]:
        """Lay all nodes, with their attributes."""
        if not grids:
            raise ConfigError(
                "A graph needs the grid of at least one domain, but was given none.",
                fix='Name the domain of each grid, such as {"data": grid}.',
            )
        for name, grid in grids.items():
            if name in (*self.nodes, DOMAINS):
                raise ConfigError(
                    f"A domain cannot be named {name!r}, as nodes of the recipe are.",
                    fix="Give one of them another name.",
                )
            if not len(grid):
                raise DataError(
                    f"A graph needs grids of at least one point, but that of {name!r} has none.",
                    fix=f"Check which points the source of {name!r} selects.",
                )
        sets = {name: NodeSet.of(grid) for name, grid in grids.items()}
        _check_names("attributes", self.attributes, [*self.nodes, *grids, DOMAINS])
        _check_names("keep", self.keep, self.nodes)
        _check_names("remove_unconnected", self.remove_unconnected, self.nodes)
        for name in grids:
            sets[name] = self._described(name, (DOMAINS, name), sets)
        for name, build in self.nodes.items():
            builder: NodeBuilder = build()
            sets[name] = builder.build(dict(sets))
            sets[name] = self._described(name, (name,), sets)
            if name in self.keep:
                sets[name] = sets[name].selected(sets[name].mask(self.keep[name]))
            if not len(sets[name]):
                raise DataError(f"There are no nodes {name}: nothing is left of them.")
        return sets

    def _described(self, name: str, keys: tuple[str, ...], sets: Mapping[str, NodeSet]) -> NodeSet:
        """Nodes with the attributes that the recipe gives them."""
        nodes = sets[name]
        for key in keys:
            for label, build in self.attributes.get(key, {}).items():
                attribute: NodeAttribute = build()
                values = attribute.values(nodes, sets)
                nodes = replace(nodes, attributes={**nodes.attributes, label: values})
        return nodes

    def _joins(self, grids: Mapping[str, Grid], sets: Mapping[str, NodeSet]) -> dict[EdgeName, list[Join]]:
        """What makes up each set of edges."""
        found: dict[EdgeName, list[Join]] = {}
        known: dict[EdgeName, str] = {}
        for label, each in self.edges.items():
            sources = tuple(grids) if each.source == DOMAINS else (each.source,)
            targets = tuple(grids) if each.target == DOMAINS else (each.target,)
            for source in sources:
                for target in targets:
                    for name in (source, target):
                        if name not in sets:
                            raise ConfigError(
                                f"edges.{label} names nodes {name!r}, which are not there.",
                                fix=nearest_name(name, [*sets, DOMAINS]),
                            )
                    found.setdefault((source, target), []).append(each)
                    if each.attributes is None:
                        continue
                    if (source, target) in known:
                        raise ConfigError(
                            f"edges.{known[source, target]} and edges.{label} both say which attributes the "
                            f"edges {source} -> {target} have.",
                            fix="Write them under one of the two.",
                        )
                    known[source, target] = label
        return found


def _check_names(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{option} names {name!r}, which no nodes have.", fix=nearest_name(name, known))


def _nodes(each: NodeSet) -> Nodes:
    return Nodes(
        torch.from_numpy(each.latitudes.copy()),
        torch.from_numpy(each.longitudes.copy()),
        {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in each.attributes.items()},
    )


def _pairs(several: Sequence[Join], source: NodeSet, target: NodeSet) -> Pairs:
    found = [join(each, source, target) for each in several]
    pairs = found[0] if len(found) == 1 else in_order(np.concatenate(found), len(source))
    if not len(pairs):
        raise DataError(
            f"No edge joins {several[0].source} to {several[0].target}.",
            fix="Choose a wider cut-off or more neighbours.",
        )
    return pairs


def _edges(several: Sequence[Join], source: NodeSet, target: NodeSet, pairs: Pairs) -> Edges:
    said = next((each for each in several if each.attributes is not None), several[0])
    attributes: list[EdgeAttribute] = attributes_of(said)
    names = tuple(name for attribute in attributes for name in attribute.names)
    if len(set(names)) < len(names):
        raise ConfigError(f"Edges have attributes of one name twice: {', '.join(names)}.")
    values = np.empty((len(pairs), len(names)), np.float32)
    first = 0
    for attribute in attributes:
        after = first + len(attribute.names)
        values[:, first:after] = attribute.values(source, target, pairs)
        first = after
    index = torch.from_numpy(np.ascontiguousarray(pairs.T))
    return Edges(index[0], index[1], torch.from_numpy(values), names)


def _without_unconnected(
    name: str, sets: Mapping[str, NodeSet], pairs: Mapping[EdgeName, Pairs]
) -> tuple[dict[str, NodeSet], dict[EdgeName, Pairs]]:
    """Take out the nodes of one set that no edge joins to another set."""
    keep = np.zeros(len(sets[name]), dtype=bool)
    for (source, target), each in pairs.items():
        if source != target and name in (source, target):
            keep[each[:, 0 if source == name else 1]] = True
    if not keep.any():
        raise DataError(f"No node of {name} is joined to another set: none is left.")
    number = np.cumsum(keep) - 1
    kept = {}
    for ends, each in pairs.items():
        for end, column in zip(ends, (0, 1), strict=True):
            if end == name:
                each = each[keep[each[:, column]]].copy()
                each[:, column] = number[each[:, column]]
        kept[ends] = each
    return {**sets, name: sets[name].selected(keep)}, kept
