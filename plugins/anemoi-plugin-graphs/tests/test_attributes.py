"""Attributes of nodes and edges beside formulas that are written another way."""

import numpy as np
import pytest
from anemoi.core.config import build
from anemoi.core.errors import ConfigError, DataError

from anemoi_plugin_graphs.conformance.places import all_pairs, mesh, region, regular, spread
from anemoi_plugin_graphs.node_set import NodeSet
from anemoi_plugin_graphs.normalisation import normalised
from anemoi_plugin_graphs.planar import planar_areas

SOURCE, TARGET = region(), mesh()
PAIRS = all_pairs(SOURCE, TARGET)


def of_edges(name, source=SOURCE, target=TARGET, pairs=PAIRS, **options):
    return build("edge_attribute", {"name": name, **options}).values(source, target, pairs)


def of_nodes(name, at, others=None, **options):
    return build("node_attribute", {"name": name, **options}).values(at, others or {})


def haversine(source, target, pairs):
    (lat, lon), (lat0, lon0) = (
        np.deg2rad([nodes.latitudes[index], nodes.longitudes[index]])
        for nodes, index in ((source, pairs[:, 0]), (target, pairs[:, 1]))
    )
    half = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(half))


def bearing(source, target, pairs):
    """The forward azimuth of spherical trigonometry."""
    lat, lon = np.deg2rad([source.latitudes[pairs[:, 0]], source.longitudes[pairs[:, 0]]])
    lat0, lon0 = np.deg2rad([target.latitudes[pairs[:, 1]], target.longitudes[pairs[:, 1]]])
    east = np.sin(lon - lon0) * np.cos(lat)
    north = np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon - lon0)
    return np.arctan2(east, north)


def test_the_azimuth_is_the_bearing_from_the_target():
    assert of_edges("azimuth")[:, 0] * np.pi == pytest.approx(bearing(SOURCE, TARGET, PAIRS), abs=1e-9)
    centre, around = (
        NodeSet(np.zeros(1), np.zeros(1)),
        NodeSet(np.array([1.0, 0, -1, 0]), np.array([0, 1.0, 0, -1])),
    )
    compass = of_edges("azimuth", around, centre, all_pairs(around, centre))[:, 0]
    assert compass == pytest.approx([0.0, 0.5, 1.0, -0.5])  # north, east, south, west


def test_directional_harmonics_are_sines_and_cosines_of_its_multiples():
    angle = bearing(SOURCE, TARGET, PAIRS)
    found = of_edges("directional-harmonics", order=2)
    expected = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=-1)
    assert found == pytest.approx(expected, abs=1e-9)


def test_lengths_are_great_circle_distances():
    assert of_edges("length", normalise=None)[:, 0] == pytest.approx(
        haversine(SOURCE, TARGET, PAIRS), abs=1e-9
    )


def test_gaussian_weights_fall_with_distance_and_sum_to_one():
    found = of_edges("gaussian-distance-weights", width_km=3000.0)[:, 0]
    raw = np.exp(-((haversine(SOURCE, TARGET, PAIRS) * 6371.0) ** 2) / (2 * 3000.0**2))
    for target in range(0, len(TARGET), 40):
        own = PAIRS[:, 1] == target
        assert found[own].sum() == pytest.approx(1.0)
        if raw[own].sum() > 1e-12:
            assert found[own] == pytest.approx(raw[own] / raw[own].sum(), abs=1e-6)


def test_radial_bases_are_bell_curves_over_the_longest_edge_of_a_target():
    found = of_edges("radial-basis", centres=[0.0, 0.5], width=0.3)
    length = haversine(SOURCE, TARGET, PAIRS)
    for target in (0, 50, 161):
        own = PAIRS[:, 1] == target
        share = length[own] / length[own].max()
        for column, centre in enumerate((0.0, 0.5)):
            raw = np.exp(-(((share - centre) / 0.3) ** 2))
            assert found[own, column] == pytest.approx(raw / raw.sum(), abs=1e-7)


def test_edges_take_what_is_known_of_their_ends():
    source = NodeSet(SOURCE.latitudes, SOURCE.longitudes, {"land": SOURCE.latitudes > 0})
    found = of_edges("of-nodes", source, attribute="land", of="source")[:, 0]
    assert np.array_equal(found, source.attributes["land"][PAIRS[:, 0]].astype(float))
    with pytest.raises(DataError, match="no attribute 'land'"):
        of_edges("of-nodes", attribute="land", of="target")


def test_normalisations_are_what_they_are_called():
    values = np.array([1.0, -2.0, 4.0])
    assert np.abs(normalised(values, "l1")).sum() == pytest.approx(1.0)
    assert np.square(normalised(values, "l2")).sum() == pytest.approx(1.0)
    assert np.abs(normalised(values, "unit-max")).max() == pytest.approx(1.0)
    assert normalised(values, "unit-sum").sum() == pytest.approx(1.0)
    assert normalised(values, "unit-std").std() == pytest.approx(1.0)
    assert np.array_equal(normalised(np.zeros(3), "unit-max"), np.zeros(3))


def test_areas_sum_to_four_pi_and_cosines_to_their_share_on_a_regular_grid():
    assert of_nodes("area", spread()).sum() == pytest.approx(4 * np.pi)
    inner = np.abs(regular().latitudes) < 89.0
    cosines, areas = (of_nodes(name, regular())[inner] for name in ("cosine-latitude", "area"))
    assert cosines / cosines.sum() == pytest.approx(areas / areas.sum(), rel=0.02)


@pytest.mark.parametrize(
    ("area", "inside"),
    [
        ({"north": 10.0, "south": -10.0, "west": 170.0, "east": -170.0}, [True, True, False, False]),
        ({"north": 10.0, "south": -10.0, "west": -190.0, "east": 190.0}, [True, True, True, False]),
        ({"north": 90.0, "south": 80.0, "west": 0.0, "east": 10.0}, [False, False, False, True]),
        ({"north": 10.0, "south": -10.0, "west": 175.0, "east": 175.0}, [True, False, False, False]),
    ],
)
def test_an_area_may_cross_the_date_line_and_holds_the_pole(area, inside):
    nodes = NodeSet(np.array([0.0, 5.0, 5.0, 90.0]), np.array([175.0, -175.0, 0.0, 200.0]))
    assert of_nodes("in-area", nodes, **area).tolist() == inside


def test_a_mask_is_true_near_other_nodes():
    nodes, others = mesh(), {"data": region()}
    near = of_nodes("near-nodes", nodes, others, nodes="data", km=1000.0)
    angle = haversine(region(), nodes, all_pairs(region(), nodes)).reshape(len(nodes), -1).min(axis=1)
    assert np.array_equal(near, angle * 6371.0 <= 1000.0)
    with pytest.raises(ConfigError, match="'lam'"):
        of_nodes("near-nodes", nodes, others, nodes="lam")


def test_masks_are_combined():
    north, east = region().latitudes > 0, region().longitudes > 180
    nodes = NodeSet(region().latitudes, region().longitudes, {"north": north, "east": east})
    both = lambda where: of_nodes("combined-mask", nodes, masks=["north", "east"], where=where)  # noqa: E731
    assert np.array_equal(both("all"), north & east)
    assert np.array_equal(both("any"), north | east)
    assert np.array_equal(both("none"), ~(north | east))
    with pytest.raises(DataError, match="no mask 'west'"):
        of_nodes("combined-mask", nodes, masks=["west"])


def test_nodes_are_chosen_by_number():
    assert of_nodes("numbered", spread(5), start=1, stop=3).tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("west", [-5.0, 175.0, 355.0])
def test_planar_cells_of_a_regular_grid_are_its_boxes_to_the_border(west):
    rows, columns = np.arange(40.0, 46.5, 0.5), west + np.arange(0.0, 10.0, 0.8)
    latitudes, longitudes = (each.ravel() for each in np.meshgrid(rows, columns % 360.0, indexing="ij"))
    nodes = NodeSet(latitudes, longitudes)
    flat = of_nodes("area", nodes, cells="lat-lon")
    assert flat == pytest.approx(np.full(len(nodes), np.deg2rad(0.5) * np.deg2rad(0.8)), rel=1e-9)
    exact = np.deg2rad(0.8) * np.diff(np.sin(np.deg2rad([latitudes - 0.25, latitudes + 0.25])), axis=0)[0]
    kept = of_nodes("area", nodes, cells="planar")
    assert kept == pytest.approx(exact, rel=1e-2)  # a box bulges, and the sides of a cell are straight
    assert kept.sum() == pytest.approx(exact.sum(), rel=1e-3)


def test_planar_cells_are_the_same_over_the_pole():
    latitudes, longitudes = (each.ravel() for each in np.meshgrid(np.arange(-9.5, 10), np.arange(-9.5, 10)))
    nodes = NodeSet(latitudes, longitudes)
    x, y, z = nodes.positions.T
    tilted = NodeSet.at(np.stack([-z, y, x], axis=-1))  # what lay at 0°N, 0°E lies at the pole
    assert tilted.latitudes.max() > 89.0
    found, expected = (of_nodes("area", each, cells="planar") for each in (tilted, nodes))
    assert found == pytest.approx(expected, rel=1e-3)  # two border cells are ties


def test_planar_cells_of_scattered_nodes_are_the_share_of_points_nearest_to_them():
    random = np.random.default_rng(0)
    places = random.uniform(0.0, 1.0, (60, 2))
    found = planar_areas(places)
    inside = (np.abs(places - 0.5) < 0.2).all(axis=1)  # whose cells end within the square
    many = random.uniform(0.0, 1.0, (60_000, 2))
    nearest = np.argmin(((many[:, None, :] - places[None, inside]) ** 2).sum(-1), axis=1)
    distance = ((many - places[inside][nearest]) ** 2).sum(-1)
    others = ((many[:, None, :] - places[None, ~inside]) ** 2).sum(-1).min(axis=1)
    shares = np.bincount(nearest[distance < others], minlength=inside.sum()) / len(many)
    assert found[inside] == pytest.approx(shares, rel=0.1)
    assert 0.8 < found.sum() < 1.3


def test_the_border_of_an_l_and_a_gap_in_the_middle_are_cells_of_the_grid():
    rows, columns = (each.ravel().astype(float) for each in np.meshgrid(np.arange(12), np.arange(12)))
    corner = (rows < 5) | (columns < 5)
    assert planar_areas(np.stack([rows, columns], axis=-1)[corner]) == pytest.approx(
        np.ones(corner.sum()), rel=0.3
    )
    within_it = (rows[corner] < 3) | (columns[corner] < 3)
    found = planar_areas(np.stack([rows, columns], axis=-1)[corner])
    assert found[within_it] == pytest.approx(np.ones(within_it.sum()), rel=1e-9)


def test_nodes_in_one_place_share_a_planar_cell_and_those_on_a_line_have_none():
    rows, columns = (each.ravel().astype(float) for each in np.meshgrid(np.arange(4), np.arange(4)))
    twice = np.concatenate([np.stack([rows, columns], axis=-1)] * 2)
    assert planar_areas(twice) == pytest.approx(np.full(32, 0.5))
    for few in (np.zeros((5, 2)), np.arange(10.0).reshape(5, 2)):
        with pytest.raises(DataError, match="not on one line"):
            planar_areas(few)
    with pytest.raises(DataError, match="farther than 90°"):
        of_nodes("area", spread(), cells="planar")


def test_areas_within_a_mask_are_those_of_its_nodes_alone():
    latitudes, longitudes = np.meshgrid(np.arange(40.0, 50.0), np.arange(0.0, 10.0))
    inside = NodeSet(latitudes.ravel(), longitudes.ravel())
    both = NodeSet(
        np.concatenate([inside.latitudes, [44.5, -80.0]]), np.concatenate([inside.longitudes, [4.5, 0.0]])
    )
    mask = np.arange(len(both)) < len(inside)
    known = NodeSet(both.latitudes, both.longitudes, {"mask": mask})
    masked, whole = (
        build("node_attribute", {"name": "area", **options}) for options in ({"mask": "mask"}, {})
    )
    found = masked.values(known, {})
    assert np.array_equal(found[:-2], whole.values(inside, {}))
    assert not found[-2:].any()
    with pytest.raises(DataError, match="leaves no nodes"):
        masked.values(NodeSet(both.latitudes, both.longitudes, {"mask": ~mask & mask}), {})
