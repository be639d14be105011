"""A wrong part of a graph is caught by the check that names its fault, and no other; a right one by none."""

from itertools import count

import numpy as np
import pytest
from anemoi.core.errors import ConfigError
from anemoi_plugin_testing import check, checks

from anemoi_plugin_graphs import EdgeAttribute, EdgeBuilder, NodeAttribute, NodeBuilder, NodeSet
from anemoi_plugin_graphs.conformance.places import all_pairs

KINDS = ("node_builder", "edge_builder", "edge_attribute", "node_attribute")
WRONG = []
RIGHT = []
calls = count()


def kind_of(component):
    bases = dict(zip((NodeBuilder, EdgeBuilder, EdgeAttribute, NodeAttribute), KINDS, strict=True))
    return next(kind for base, kind in bases.items() if issubclass(component, base))


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


def right(component):
    RIGHT.append(component)
    return component


@right
class Ring(NodeBuilder):
    """Nodes on a parallel, joined in a ring."""

    def __init__(self, *, number: int = 6, latitude: float = 30.0):
        self.number, self.latitude = number, latitude

    def build(self, nodes):
        index = np.arange(self.number)
        ring = np.sort(np.stack([index, np.roll(index, -1)], axis=-1), axis=1)
        return NodeSet(np.full(self.number, self.latitude), index * (360.0 / self.number), meshes=(ring,))


@caught_by("options_are_declared")
class RingUntyped(Ring):
    def __init__(self, *, number=6):
        super().__init__()


@caught_by("builds")
class RingFails(Ring):
    def __init__(self):
        raise RuntimeError("no")


@caught_by("builds")
class RingOfAnotherType(Ring):
    def build(self, nodes):
        return super().build(nodes).grid


@caught_by("lays_nodes")
class RingOfNone(Ring):
    def build(self, nodes):
        return super().build(nodes).selected(np.zeros(self.number, dtype=bool))


@caught_by("lays_nodes")
class RingOfSingles(Ring):
    def build(self, nodes):
        found = super().build(nodes)
        return NodeSet(found.latitudes.astype(np.float32), found.longitudes)


@caught_by("lays_no_node_twice")
class RingClosed(Ring):
    def build(self, nodes):
        return NodeSet(np.zeros(5), np.linspace(0.0, 360.0, 5))


@caught_by("numbers_the_edges_of_its_meshes")
class RingCountedFromOne(Ring):
    def build(self, nodes):
        found = super().build(nodes)
        return NodeSet(found.latitudes, found.longitudes, meshes=(found.meshes[0] + 1,))


@caught_by("numbers_the_edges_of_its_meshes")
class RingBothWays(Ring):
    def build(self, nodes):
        found = super().build(nodes)
        both = np.concatenate([found.meshes[0], found.meshes[0][:, ::-1]])
        return NodeSet(found.latitudes, found.longitudes, meshes=(both,))


@caught_by("is_the_same_every_time")
class RingThatTurns(Ring):
    def build(self, nodes):
        found = super().build(nodes)
        return NodeSet(found.latitudes, found.longitudes + next(calls))


@caught_by("does_not_see_the_date_line")
class RingFromTheWest(Ring):
    def build(self, nodes):
        found = super().build(nodes)
        return NodeSet(found.latitudes, found.longitudes + nodes["data"].longitudes.min() / 7)


@caught_by("leaves_other_nodes_alone")
class RingThatWrites(Ring):
    def build(self, nodes):
        nodes["data"].latitudes[:] = 0.0
        return super().build(nodes)


@caught_by("options_survive_a_configuration")
class RingOfHalves(Ring):
    def __init__(self, *, latitude: int = 30.5):
        super().__init__(latitude=latitude)


@right
class Everything(EdgeBuilder):
    """Joins every source to every target."""

    def __init__(self, *, stride: int = 1):
        self.stride = stride

    def build(self, source, target):
        pairs = all_pairs(source, target)[:: self.stride]
        return pairs if source is not target else pairs[pairs[:, 0] != pairs[:, 1]]


@caught_by("options_are_declared")
class EverythingUntyped(Everything):
    def __init__(self, *, stride=1):
        super().__init__()


@caught_by("builds")
class EverythingRefused(Everything):
    def build(self, source, target):
        raise ConfigError("no")


@caught_by("joins_nodes_that_exist")
class EverythingSmall(Everything):
    def build(self, source, target):
        return super().build(source, target).astype(np.int32)


@caught_by("joins_nodes_that_exist")
class Nothing(Everything):
    def build(self, source, target):
        return super().build(source, target)[:0]


@caught_by("joins_nodes_that_exist")
class TheWrongWayRound(Everything):
    def build(self, source, target):
        return np.ascontiguousarray(super().build(source, target)[:, ::-1])


@caught_by("joins_no_node_to_itself")
class Loops(Everything):
    def build(self, source, target):
        return all_pairs(source, target)


@caught_by("is_the_same_every_time")
class EverythingButOne(Everything):
    def build(self, source, target):
        return np.delete(super().build(source, target), next(calls) % 7, axis=0)


@caught_by("does_not_see_the_date_line")
class FromTheWest(Everything):
    def build(self, source, target):
        pairs = super().build(source, target)
        return pairs[source.longitudes[pairs[:, 0]] >= target.longitudes[pairs[:, 1]] - 90.0]


@caught_by("leaves_the_nodes_alone")
class EverythingFlat(Everything):
    def build(self, source, target):
        source.latitudes[:] = 0.0
        return super().build(source, target)


@caught_by("options_survive_a_configuration")
class EverythingInHalves(Everything):
    def __init__(self, *, share: int = 1.5):
        super().__init__(stride=1 + round(2 * share) % 2)


@right
class Higher(EdgeAttribute):
    """How far north the source is of the target, and whether it is."""

    names = ("north", "northward")

    def __init__(self, *, unit: float = 90.0):
        self.unit = unit

    def values(self, source, target, pairs):
        difference = (source.latitudes[pairs[:, 0]] - target.latitudes[pairs[:, 1]]) / self.unit
        return np.stack([difference, difference > 0.0], axis=-1)


@caught_by("options_are_declared")
class HigherUntyped(Higher):
    def __init__(self, *, unit=90.0):
        super().__init__()


@caught_by("builds")
class HigherOfOneName(Higher):
    names = ("north", "north")


@caught_by("builds")
class HigherInAList(Higher):
    names = ["north", "northward"]  # noqa: RUF012


@caught_by("gives_its_columns")
class HigherAlone(Higher):
    def values(self, source, target, pairs):
        return super().values(source, target, pairs)[:, 0]


@caught_by("is_finite")
class HigherInverse(Higher):
    def values(self, source, target, pairs):
        with np.errstate(divide="ignore"):
            return 1.0 / np.abs(super().values(source, target, pairs))


@caught_by("is_the_same_every_time")
class HigherEveryTime(Higher):
    def values(self, source, target, pairs):
        return super().values(source, target, pairs) + next(calls)


@caught_by("does_not_see_the_date_line")
class Eastward(Higher):
    def values(self, source, target, pairs):
        turn = source.longitudes[pairs[:, 0]] - target.longitudes[pairs[:, 1]]
        return np.stack([turn, turn], axis=-1)


@caught_by("leaves_edges_and_nodes_alone")
class HigherBackwards(Higher):
    def values(self, source, target, pairs):
        found = super().values(source, target, pairs)
        pairs[:] = 0
        return found


@caught_by("options_survive_a_configuration")
class HigherInHalves(Higher):
    def __init__(self, *, unit: int = 45.5):
        super().__init__(unit=unit)


@right
class North(NodeAttribute):
    """True north of a parallel."""

    def __init__(self, *, of: float = 0.0):
        self.of = of

    def values(self, nodes, others):
        return nodes.latitudes > self.of


@right
class Height(North):
    """The sine of the latitude."""

    def values(self, nodes, others):
        return np.sin(np.deg2rad(nodes.latitudes - self.of))


@caught_by("options_are_declared")
class NorthUntyped(North):
    def __init__(self, *, of=0.0):
        super().__init__()


@caught_by("builds")
class NorthFails(North):
    def __init__(self):
        raise RuntimeError("no")


@caught_by("gives_one_value_for_each_node")
class NorthInNumbers(North):
    def values(self, nodes, others):
        return super().values(nodes, others).astype(np.int64)


@caught_by("gives_one_value_for_each_node")
class HeightOfNaN(Height):
    def values(self, nodes, others):
        return np.where(nodes.latitudes > 80.0, np.nan, super().values(nodes, others))


@caught_by("gives_one_value_for_each_node")
class HeightInAColumn(Height):
    def values(self, nodes, others):
        return super().values(nodes, others)[:, None]


@caught_by("is_the_same_every_time")
class HeightEveryTime(Height):
    def values(self, nodes, others):
        return super().values(nodes, others) + next(calls)


@caught_by("does_not_see_the_date_line")
class East(North):
    def values(self, nodes, others):
        return nodes.longitudes > 180.0


@caught_by("leaves_the_nodes_alone")
class NorthFlat(North):
    def values(self, nodes, others):
        found = super().values(nodes, others)
        nodes.latitudes[:] = 0.0
        return found


@caught_by("options_survive_a_configuration")
class NorthInHalves(North):
    def __init__(self, *, of: int = 30.5):
        super().__init__(of=of)


def failures(component):
    found = check(kind_of(component), component)
    return {one.check: one.seen for one in found if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_part_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize("component", RIGHT)
def test_a_right_part_is_caught_by_none(component):
    assert failures(component) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_catches_something(kind):
    caught = {each.values[0] for each in WRONG if kind_of(each.values[1]) == kind}
    assert {each.name for each in checks(kind)} == caught
