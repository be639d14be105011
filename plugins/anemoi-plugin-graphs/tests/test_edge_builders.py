"""Edge builders beside a search of all pairs."""

import numpy as np
import pytest
from anemoi.core.config import build
from anemoi.core.errors import ConfigError

from anemoi_plugin_graphs.conformance.places import mesh, one, region, regular, spread

PLACES = {"globe": spread, "poles": regular, "region": region, "one": one}


def joined(name, source, target, **options):
    return {
        tuple(pair)
        for pair in build("edge_builder", {"name": name, **options}).build(source, target).tolist()
    }


def distances(source, target):
    return np.linalg.norm(target.positions[:, None] - source.positions[None], axis=-1)  # (targets, sources)


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_a_cutoff_joins_all_within_the_distance(make):
    source, target = make(), mesh()
    angle = 2.0 * np.arcsin(np.minimum(distances(source, target) / 2.0, 1.0))
    expected = {(s, t) for t, s in np.argwhere(angle * 6371.0 <= 1500.0)}
    assert joined("cutoff", source, target, km=1500.0) == expected


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_a_cutoff_keeps_the_nearest_where_there_are_too_many(make):
    source, target = make(), mesh()
    apart = distances(source, target).round(9)
    expected = set()
    for number, row in enumerate(apart):
        near = [each for each in np.argsort(row, kind="stable")[:3] if row[each] <= 0.4]
        expected |= {(each, number) for each in near}
    km = 2.0 * np.arcsin(0.2) * 6371.0
    assert joined("cutoff", source, target, km=km, neighbours=3) == expected


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("neighbours", [1, 4])
def test_the_nearest_are_those_of_all_pairs(make, neighbours):
    source, target = make(), mesh()
    apart = distances(source, target).round(9)
    of_target = {(s, t) for t, row in enumerate(apart) for s in np.argsort(row, kind="stable")[:neighbours]}
    of_source = {(s, t) for s, row in enumerate(apart.T) for t in np.argsort(row, kind="stable")[:neighbours]}
    find = lambda of: joined("nearest", source, target, neighbours=neighbours, of=of)  # noqa: E731
    assert find("target") == of_target
    assert find("source") == of_source
    assert find("both") == of_target & of_source


def test_a_node_is_no_neighbour_of_itself_also_where_others_lie_in_its_place():
    nodes = regular()  # 24 nodes in one place on each pole
    pairs = joined("nearest", nodes, nodes, neighbours=4)
    assert all(source != target for source, target in pairs)
    assert len(pairs) == 4 * len(nodes)


def test_scales_of_a_mesh_can_be_chosen():
    nodes = mesh()
    finest = {tuple(pair) for pair in nodes.meshes[-1].tolist()}
    assert joined("multi-scale", nodes, nodes, scales=1) == finest | {(b, a) for a, b in finest}
    assert len(joined("multi-scale", nodes, nodes)) == 2 * (30 + 120 + 480)


def test_nodes_without_a_mesh_are_refused():
    nodes = spread()
    with pytest.raises(ConfigError, match="no mesh"):
        joined("multi-scale", nodes, nodes)


def test_a_factor_can_multiply_the_distance_to_the_nearest_as_in_anemoi_graphs():
    hidden = mesh()
    gaps = np.linalg.norm(hidden.positions[:, None] - hidden.positions, axis=-1)
    radius = 1.5 * np.sort(gaps, axis=1)[:, 1].max()
    options = {"name": "cutoff", "factor": 1.5}
    found = build("edge_builder", {**options, "spacing": "nearest"}).build(hidden, hidden)
    wanted = int((gaps <= radius + 1e-9).sum()) - len(hidden)
    assert len(found) == wanted < len(build("edge_builder", options).build(hidden, hidden))
