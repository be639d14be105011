"""Graph builders."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import torch
from anemoi.core.graph import DATA, HIDDEN, Edges, Graph, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.graph_builder import GraphBuilder
from scipy.spatial import cKDTree

from . import caught_by, right

D2H, H2H, H2D = (DATA, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, DATA)


def nodes_of(latitudes, longitudes):
    return Nodes(torch.tensor(latitudes), torch.tensor(longitudes))


def edges_of(source, target, count, positions=lambda nodes: nodes.positions.numpy(), attribute=None):
    count = min(count, len(source))
    here, there = positions(target), positions(source)
    _, found = cKDTree(there).query(here.round(9), k=np.arange(1, count + 1))
    of = torch.from_numpy(found.reshape(-1).astype(np.int64))
    to = torch.arange(len(target)).repeat_interleave(count)
    length = (source.positions[of] - target.positions[to]).norm(dim=-1, keepdim=True).float() / 2
    return Edges.sorted(of, to, length, ("length",))


@right("graph")
@dataclass(frozen=True, kw_only=True)
class EveryFifth(GraphBuilder):
    """Hidden nodes are every fifth point of the first grid, so that they turn with it."""

    capabilities = frozenset({Capability.ROTATION_INVARIANT, Capability.NORMALISED_ATTRIBUTES})
    neighbours: int = 3

    def build(self, grids):
        hidden = self.hidden(grids)
        return together({name: self.change(self.part(grid, hidden), grid) for name, grid in grids.items()})

    def hidden(self, grids):
        first = next(iter(grids.values()))
        return nodes_of(first.latitudes[::5], first.longitudes[::5])

    def part(self, grid, hidden):
        data = nodes_of(grid.latitudes, grid.longitudes)
        return Graph(
            {DATA: data, HIDDEN: hidden},
            {
                D2H: edges_of(data, hidden, self.neighbours),
                H2H: edges_of(hidden, hidden, self.neighbours),
                H2D: edges_of(hidden, data, self.neighbours),
            },
        )

    def change(self, graph, grid):
        """Change the graph of one domain, before its nodes are named after it."""
        return graph


def together(parts):
    """One graph from that of each domain; hidden nodes and the edges among them are those of the first."""
    nodes, edges = {}, {}
    for name, part in parts.items():
        names = {DATA: name, HIDDEN: HIDDEN}
        nodes = {**{names[each]: here for each, here in part.nodes.items()}, **nodes}
        edges = {**{(names[a], names[b]): here for (a, b), here in part.edges.items()}, **edges}
    return Graph(nodes, edges)


@right("graph")
class Fixed(EveryFifth):
    """Hidden nodes lie where they lie, and some may hear nothing."""

    capabilities = frozenset({Capability.UNFED_HIDDEN_NODES})

    def change(self, graph, grid):
        hidden = nodes_of(np.array([80.0, -80.0, 0.0, 0.0, 0.0, 0.0]), np.arange(6) * 60.0)
        fed = edges_of(graph.nodes[DATA], nodes_of(np.array([80.0, -80.0]), np.array([0.0, 60.0])), 3)
        return Graph(
            {DATA: graph.nodes[DATA], HIDDEN: hidden},
            {D2H: fed, H2H: edges_of(hidden, hidden, 3), H2D: edges_of(hidden, graph.nodes[DATA], 3)},
        )


@right("graph")
class EveryFifthOfAll(EveryFifth):
    """Hidden nodes are every fifth point of every grid."""

    def hidden(self, grids):
        latitudes = [grid.latitudes[::5] for grid in grids.values()]
        longitudes = [grid.longitudes[::5] for grid in grids.values()]
        return nodes_of(np.concatenate(latitudes), np.concatenate(longitudes))


def pick(edges, index):
    return Edges(edges.source[index], edges.target[index], edges.attributes[index], edges.attribute_names)


@caught_by("options_are_declared", "graph")
@dataclass(frozen=True, kw_only=True)
class UntypedOption(EveryFifth):
    def __init__(self, depth=3):
        object.__setattr__(self, "neighbours", 3)


@caught_by("builds", "graph")
class Fails(EveryFifth):
    def change(self, graph, grid):
        raise RuntimeError("no")


@caught_by("has_the_parts_of_a_model", "graph")
class NoDecoder(EveryFifth):
    def change(self, graph, grid):
        return replace(graph, edges={ends: graph.edges[ends] for ends in (D2H, H2H)})


@caught_by("keeps_the_grid", "graph")
class SortsTheGrid(EveryFifth):
    def change(self, graph, grid):
        data = graph.nodes[DATA]
        flipped = Nodes(data.latitudes, (data.longitudes + 0.5) % 360)
        return replace(graph, nodes={**graph.nodes, DATA: flipped})


@caught_by("sorts_edges_by_target", "graph")
class SortsBySource(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[H2H]
        order = torch.argsort(edges.source, stable=True)
        for tensor in (edges.source, edges.target, edges.attributes):
            tensor.copy_(tensor[order].clone())
        return graph


@caught_by("points_at_nodes_that_exist", "graph")
class CountsFromOne(EveryFifth):
    def build(self, grids):
        graph = super().build(grids)
        graph.edges[H2H].source.add_(1)
        return graph


@caught_by("points_at_nodes_that_exist", "graph")
class SmallNumbers(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[H2H]
        small = replace(edges, source=edges.source.int(), target=edges.target.int())
        return replace(graph, edges={**graph.edges, H2H: small})


@caught_by("joins_no_pair_twice", "graph")
class Twice(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[H2H]
        return replace(
            graph, edges={**graph.edges, H2H: pick(edges, torch.arange(len(edges)).repeat_interleave(2))}
        )


@caught_by("reaches_every_data_node", "graph")
class DeafPoint(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[H2D]
        return replace(graph, edges={**graph.edges, H2D: pick(edges, (edges.target != 7).nonzero()[:, 0])})


@caught_by("reaches_every_data_node", "graph")
class NoPoles(EveryFifth):
    """Forgets points that lie exactly at a pole."""

    def change(self, graph, grid):
        edges = graph.edges[H2D]
        away = graph.nodes[DATA].latitudes[edges.target].abs() < 89.99
        return replace(graph, edges={**graph.edges, H2D: pick(edges, away.nonzero()[:, 0])})


@caught_by("feeds_every_hidden_node", "graph")
class HungryNode(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[D2H]
        return replace(graph, edges={**graph.edges, D2H: pick(edges, (edges.target > 0).nonzero()[:, 0])})


@caught_by("describes_its_edges", "graph")
class InverseLength(EveryFifth):
    """Divides by the distance, which is zero here and there."""

    capabilities = frozenset()

    def change(self, graph, grid):
        edges = {
            ends: replace(one, attributes=1.0 / one.attributes.round(decimals=4))
            for ends, one in graph.edges.items()
        }
        return replace(graph, edges=edges)


@caught_by("describes_its_edges", "graph")
class NoAttributes(EveryFifth):
    def change(self, graph, grid):
        edges = {
            ends: replace(one, attributes=one.attributes[:, :0], attribute_names=())
            for ends, one in graph.edges.items()
        }
        return replace(graph, edges=edges)


@caught_by("normalises_its_attributes", "graph")
class Kilometres(EveryFifth):
    def change(self, graph, grid):
        edges = {ends: replace(one, attributes=6371.0 * one.attributes) for ends, one in graph.edges.items()}
        return replace(graph, edges=edges)

    capabilities = frozenset({Capability.NORMALISED_ATTRIBUTES})


@caught_by("is_the_same_every_time", "graph")
class Trembles(EveryFifth):
    def change(self, graph, grid):
        edges = graph.edges[H2H]
        graph.edges[H2H].attributes.copy_(edges.attributes * (1 - 1e-3 * next(COUNT)))
        return graph


COUNT = itertools.count()


@caught_by("is_the_same_every_time", "graph")
class Remembers(EveryFifth):
    """Keeps the first graph that it made of a size."""

    def change(self, graph, grid):
        if not hasattr(self, "seen"):
            object.__setattr__(self, "seen", len(grid))
        graph.edges[H2H].attributes.copy_(
            graph.edges[H2H].attributes * (1.0 if self.seen == len(grid) else 0.5)
        )
        return graph


@caught_by("gives_each_domain_its_own", "graph")
class OneDomain(EveryFifth):
    """Has one grid, whatever it is called."""

    def build(self, grids):
        return super().build({DATA: next(iter(grids.values()))})


@caught_by("gives_each_domain_its_own", "graph")
class OneGrid(EveryFifth):
    """Names nodes after all domains, but lays them where those of the first are."""

    def build(self, grids):
        return super().build(dict.fromkeys(grids, next(iter(grids.values()))))


@caught_by("gives_each_domain_its_own", "graph")
class OneDecoder(EveryFifth):
    """Goes back to the first domain alone."""

    def build(self, grids):
        graph, first = super().build(grids), next(iter(grids))
        kept = {ends: edges for ends, edges in graph.edges.items() if ends[1] in (HIDDEN, first)}
        return replace(graph, edges=kept)


@caught_by("gives_each_domain_its_own", "graph")
class DeafNodes(EveryFifth):
    """Goes back to as many nodes of each domain as the first has."""

    def build(self, grids):
        graph, count = super().build(grids), len(next(iter(grids.values())))
        edges = {
            ends: pick(each, (each.target < count).nonzero()[:, 0]) for ends, each in graph.edges.items()
        }
        return replace(graph, edges=edges)


@caught_by("joins_each_domain_on_its_own", "graph")
class SharesTheLongest(EveryFifth):
    """Measures the edges of all domains by the longest of them all."""

    def build(self, grids):
        graph = super().build(grids)
        longest = max(float(edges.attributes.max()) for edges in graph.edges.values())
        edges = {ends: replace(one, attributes=one.attributes / longest) for ends, one in graph.edges.items()}
        return replace(graph, edges=edges)


@caught_by("joins_each_domain_on_its_own", "graph")
class SharesNeighbours(EveryFifth):
    """Shares the neighbours of a hidden node out among the domains."""

    def build(self, grids):
        return replace(self, neighbours=max(1, self.neighbours // len(grids))).alone(grids)

    def alone(self, grids):
        return super().build(grids)


def flat(nodes):
    """Places on a map, as if the Earth were flat."""
    return np.stack([nodes.latitudes.numpy(), nodes.longitudes.numpy()], axis=-1)


@caught_by("does_not_see_the_date_line", "graph")
class FlatEarth(EveryFifth):
    capabilities = frozenset({Capability.NORMALISED_ATTRIBUTES})

    def change(self, graph, grid):
        flat_edges = edges_of(graph.nodes[HIDDEN], graph.nodes[HIDDEN], 3, positions=flat)
        return replace(graph, edges={**graph.edges, H2H: flat_edges})


@caught_by("copes_with_the_poles", "graph")
class NoWrapAtThePoles(EveryFifth):
    """Takes the two poles for one place."""

    def change(self, graph, grid):
        hidden, data = graph.nodes[HIDDEN], graph.nodes[DATA]
        folded = Nodes(torch.where(data.latitudes > 89.99, -data.latitudes, data.latitudes), data.longitudes)
        wrong = edges_of(hidden, folded, 3)
        return replace(graph, edges={**graph.edges, H2D: wrong})


@caught_by("turns_with_the_grid", "graph")
class Greenwich(EveryFifth):
    """Says it turns with the grid, but tells each edge its longitude."""

    def change(self, graph, grid):
        edges = graph.edges[H2H]
        x = graph.nodes[HIDDEN].positions[edges.target, :1].float()
        changed = replace(edges, attributes=x, attribute_names=("x",))
        return replace(graph, edges={**graph.edges, H2H: changed})


@caught_by("leaves_the_grid_alone", "graph")
class RoundsTheGrid(EveryFifth):
    def change(self, graph, grid):
        if grid.field_shape:
            grid.longitudes[0] = 0.25
        return graph


@caught_by("options_survive_a_configuration", "graph")
@dataclass(frozen=True, kw_only=True)
class DefaultOfAnotherType(EveryFifth):
    neighbours: str = 3
