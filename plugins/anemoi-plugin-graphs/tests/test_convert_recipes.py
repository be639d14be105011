"""Recipes of anemoi-graphs, like those that it ships, become ours and lay the same graph."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from anemoi.core import config
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from click.testing import CliRunner

from anemoi_plugin_graphs.commands.graph import command
from anemoi_plugin_graphs.conversion.attributes import COMBINED, EDGE_ATTRIBUTES, NODE_ATTRIBUTES
from anemoi_plugin_graphs.conversion.edges import EDGES, Ends
from anemoi_plugin_graphs.conversion.nodes import NODES, Laid
from anemoi_plugin_graphs.conversion.reading import Log, Options, plain
from anemoi_plugin_graphs.conversion.recipe import require, translate

from .conftest import octahedral, regional, regular

RECIPES = Path(__file__).parent / "recipes"
GLOBE = octahedral(12)
FINE = regional()
_outside = (np.abs(GLOBE.latitudes) > 20) | (np.abs(GLOBE.longitudes - 178) > 20)
CUTOUT = Grid(
    np.concatenate([FINE.latitudes, GLOBE.latitudes[_outside]]),
    np.concatenate([FINE.longitudes, GLOBE.longitudes[_outside]]),
)
DATA = {
    "limited_area": {"data": CUTOUT},
    "stretched_grid": {"data": CUTOUT},
    "multi": {"era5": GLOBE, "cerra": regular(10.0)},
}


def built(name):
    """The graph of a translated recipe, its placeholders given."""
    translation = translate(RECIPES / f"{name}.yaml")
    assert translation.refused == ()
    spec = yaml.safe_load(translation.to_yaml())
    for path, _ in translation.given:
        section, (*keys, last) = spec, path.split(".")
        for key in keys:
            section = section[key]
        assert section[last] == "???"
        section[last] = len(FINE)
    return config.build("graph", spec).build(DATA.get(name, {"data": GLOBE}))


def pairs(graph, source, target):
    edges = graph.edges[source, target]
    return set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))


def distances(graph, source, target):
    ends = [graph.nodes[name].positions.numpy() for name in (source, target)]
    return np.linalg.norm(ends[0][:, None] - ends[1], axis=-1)  # (sources, targets)


def within(apart, radius):
    return set(zip(*map(np.ndarray.tolist, np.nonzero(apart <= radius + 1e-9)), strict=True))


def gap(graph, name):
    """The largest distance from a node to the nearest other one."""
    return np.sort(distances(graph, name, name), axis=1)[:, 1].max()


@pytest.mark.parametrize(
    "name", sorted({path.stem for path in RECIPES.glob("*.yaml")} - {"existing"}), ids=lambda name: name
)
def test_every_recipe_that_it_ships_can_be_built(name):
    graph = built(name)
    assert ("hidden" in graph.nodes) == (name != "point_wise")
    for domain in DATA.get(name, {"data": GLOBE}):
        assert float(graph.nodes[domain].attributes["area_weight"].max()) == pytest.approx(1.0)
    for edges in graph.edges.values():
        assert edges.attribute_names[0].startswith("edge_")
        assert edges.attributes.shape[1] == 4


def test_edges_are_those_of_its_definitions():
    graph = built("multi_scale")
    apart = distances(graph, "data", "hidden")
    assert pairs(graph, "data", "hidden") == within(apart, 0.6 * gap(graph, "hidden"))
    back = np.sort(apart, axis=1)[:, :3]  # the nearest hidden nodes of each point
    found = graph.edges["hidden", "data"]
    lengths = apart[found.target, found.source].reshape(-1, 3)
    assert np.allclose(np.sort(lengths, axis=1), back)
    assert len(graph.edges["hidden", "hidden"]) == 60 * (4 + 16)  # levels 1 and 2, not the icosahedron


def test_levels_get_the_names_that_our_models_know():
    graph = built("hierarchical_3level")
    assert [len(graph.nodes[name]) for name in ("hidden", "hidden_1", "hidden_2")] == [642, 162, 42]
    assert pairs(graph, "hidden_1", "hidden_2") == within(
        distances(graph, "hidden_1", "hidden_2"), 1.5 * gap(graph, "hidden_2")
    )
    assert ("hidden_2", "hidden_2") in graph.edges
    assert ("hidden", "hidden") not in built("hierarchical_2level_encoder_decoder_only").edges


def test_a_limited_area_has_the_nodes_within_the_margin_and_two_kinds_of_edges():
    graph = built("limited_area")
    apart = distances(graph, "data", "hidden")
    inside = np.arange(len(CUTOUT)) < len(FINE)
    km = 2 * np.arcsin(apart / 2) * 6371.0
    assert km[inside].min(axis=0).max() <= 10.0
    radius = gap(graph, "hidden")
    wanted = within(apart, 0.6 * radius) | {
        (source, target) for source, target in within(apart, 1.5 * radius) if not inside[source]
    }
    assert pairs(graph, "data", "hidden") == wanted
    assert set(graph.edges["hidden", "data"].target.tolist()) == set(np.flatnonzero(inside).tolist())
    areas = graph.nodes["data"].attributes["area_weight"].numpy()
    assert (areas[inside] > 0).all()
    assert not areas[~inside].any()


def test_a_stretched_mesh_is_the_coarse_one_and_the_fine_one_near_the_region():
    graph = built("stretched_grid")
    hidden = graph.nodes["hidden"]
    fine = config.build(
        "node_builder", {"name": "icosahedral", "refinement": 5, "margin": None, "pole": "edge"}
    )
    mesh = fine.build({})
    from_region = np.linalg.norm(mesh.positions[:, None] - FINE.positions, axis=-1).min(axis=1)
    wanted = (2 * np.arcsin(from_region / 2) * 6371.0 <= 11.0) | (np.arange(len(mesh)) < 162)
    assert len(hidden) == wanted.sum()
    places = np.unique(mesh.positions[wanted].round(9) + 0.0, axis=0)
    assert np.array_equal(np.unique(hidden.positions.numpy().round(9) + 0.0, axis=0), places)


def recipe(tmp_path, **changes):
    document = yaml.safe_load((RECIPES / "multi_scale.yaml").read_text())
    for path, value in changes.items():
        *keys, last = path.split("__")
        section = document
        for key in keys:
            section = section[int(key) if key.isdigit() else key]
        section[int(last) if last.isdigit() else last] = value
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document))
    return tmp_path / "recipe.yaml"


def test_values_from_elsewhere_are_to_be_given(tmp_path):
    path = recipe(tmp_path, nodes__hidden__node_builder__resolution="${data.resolution}")
    found = translate(path)
    assert found.recipe["nodes"]["hidden"]["refinement"] == "???"
    assert ("nodes.hidden.refinement", "${data.resolution}") in found.given
    assert "# to be given: nodes.hidden.refinement, there ${data.resolution}" in found.to_yaml()


def test_all_that_has_no_counterpart_is_said_at_once(tmp_path):
    edges = {"_target_": "anemoi.graphs.edges.MultiScaleEdges", "x_hops": 2, "scale_resolutions": [0, 2]}
    path = recipe(
        tmp_path,
        nodes__hidden__attributes={"own": {"_target_": "my.Own"}, "odd": {"_target_": "my.TextNodes"}},
        edges__1__edge_builders__0=edges,
        edges__0__edge_builders__0__colour="red",
        attributes__edges__edge_length__norm="log1p",
    )
    found = translate(path)
    for words in ("x_hops", "levels [0, 2]", "colour", "log1p", "Own", "TextNodes"):
        assert sum(words in line for line in found.refused) >= 1, words
    with pytest.raises(ConfigError, match="--skip"):
        require(found, path, skip=False)
    require(found, path, skip=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("overwrite: false", "no nodes"),
        ("[1, 2]", "no nodes"),
        ("a: [", "not YAML"),
        ("nodes: {hidden: {}}", "no _target_"),
        ("nodes: {hidden: '${graph.nodes.hidden}'}", "circles"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, text, message):
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        translate(tmp_path / "recipe.yaml")


def test_every_translation_names_a_component_with_its_options():
    """Each class of anemoi-graphs with its usual options becomes a part that our registry builds."""
    near = {"reference_node_name": "data", "mask_attr_name": None, "margin_radius_km": 100.0}
    usual = {
        "AnemoiDatasetNodes": {"dataset": "a.zarr"},
        "ZarrDatasetNodes": {"dataset": "a.zarr"},
        "ICONMultiMeshNodes": {"grid_filename": "icon.nc", "max_level": 3},
        "ICONCellGridNodes": {"grid_filename": "icon.nc", "max_level": 3},
        "ReducedGaussianGridNodes": {"grid": "o96"},
        "NPZFileNodes": {"npz_file": "a.npz"},
        "XArrayNodes": {"dataset": "a.nc", "lat_key": "lat", "lon_key": "lon"},
        "LatLonNodes": {"latitudes": [0.0], "longitudes": [1.0]},
        "LimitedAreaNPZFileNodes": {"npz_file": "a.npz", **near},
        "StretchedTriNodes": {"global_resolution": 2, "lam_resolution": 4, **near},
        "CutOffEdges": {"cutoff_distance_km": 500.0},
        "ReversedCutOffEdges": {"cutoff_factor": 0.6},
        "DirectionalHarmonics": {"order": 2},
        "AttributeFromSourceNode": {"node_attr_name": "land"},
        "AttributeFromTargetNode": {"node_attr_name": "land"},
        "NonmissingAnemoiDatasetVariable": {"variable": "sst"},
        "AnemoiDatasetVariableWeights": {"variable": "area"},
        "MaskedPlanarAreaWeights": {"mask_node_attr_name": "land"},
    }

    def options(name, log):
        default = {"resolution": 3, **(near if name.startswith("LimitedArea") else {})}
        if name.endswith("Nodes"):
            return Options(name, {"_target_": name, **usual.get(name, default)}, log)
        neighbours = {"num_nearest_neighbours": 3} if "KNN" in name else {}
        return Options(name, {"_target_": name, **usual.get(name, neighbours)}, log)

    log = Log()
    specs = []
    for name, lay in NODES.items():
        given = options(name, log)
        laid = lay(given)
        given.finish()
        specs += [("node_attribute", each) for each in laid.attributes.values()]
        specs += [("node_builder", laid.spec)] if laid.spec else []
    ends = Ends("data", "hidden", {"data": Laid(None), "hidden": Laid({"name": "icon", "path": "icon.nc"})})
    for name, join in EDGES.items():
        given = options(name, log)
        specs.append(("edge_builder", join(given, ends)))
        given.finish()
    for kind, table in (("edge_attribute", EDGE_ATTRIBUTES), ("node_attribute", NODE_ATTRIBUTES)):
        for name, describe in table.items():
            given = options(name, log)
            specs.append((kind, describe(given)))
            given.finish()
    assert log.refused == []
    assert set(COMBINED.values()) == {"all", "any", "none"}
    for kind, spec in specs:
        given = {key: 1 if value == "???" else value for key, value in plain(spec).items()}
        if "source" in given and kind == "node_attribute":
            given["source"] = {"name": "zarr", "path": "a.zarr"}
        config.build(kind, given)


def test_the_command_prints_or_writes(tmp_path):
    path = RECIPES / "multi_scale.yaml"
    printed = CliRunner().invoke(command, ["convert", str(path)], catch_exceptions=False)
    assert yaml.safe_load(printed.output)["nodes"]["hidden"]["refinement"] == 2
    output = tmp_path / "graph.yaml"
    CliRunner().invoke(command, ["convert", str(path), "--output", str(output)], catch_exceptions=False)
    assert output.read_text() == printed.output
    with pytest.raises(ConfigError, match=r"a \.yaml file"):
        CliRunner().invoke(
            command, ["convert", str(path), "--output", str(tmp_path / "a.pt")], catch_exceptions=False
        )
