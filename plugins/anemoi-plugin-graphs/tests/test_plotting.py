"""Pictures of graphs: a page that needs nothing else, and an image."""

import base64
import json
import re
import struct
import zlib

import numpy as np
import pytest
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph, Nodes
from click.testing import CliRunner

from anemoi_plugin_graphs.commands.graph import command
from anemoi_plugin_graphs.graph_file import write_graph
from anemoi_plugin_graphs.icosahedral import IcosahedralGraph
from anemoi_plugin_graphs.plotting.html import page
from anemoi_plugin_graphs.plotting.png import _turn, picture
from anemoi_plugin_graphs.plotting.scene import once, scene_of, to_positions

from .conftest import GRIDS, regional

GRID = GRIDS["octahedral"]


@pytest.fixture(scope="module")
def graph():
    return IcosahedralGraph(refinement=2).build({"data": GRID})


def read(text):
    """What a browser reads of a page."""
    described = json.loads(re.search(r"const scene = (.*);\n", text)[1])
    packed = re.search(r'type="text/plain">([^<]*)<', text)[1]
    numbers, arrays = zlib.decompress(base64.b64decode(packed)), []
    for each in described["arrays"]:
        arrays.append(np.frombuffer(numbers[: 4 * each["count"]], each["kind"]))
        numbers = numbers[4 * each["count"] :]
    assert not numbers
    return described, arrays


def test_a_page_holds_all_nodes_and_edges(graph):
    described, arrays = read(page(scene_of(graph), "a graph"))
    for each in described["nodes"]:
        places = arrays[each["positions"]].reshape(-1, 3)
        assert np.allclose(places, graph.nodes[each["name"]].positions, atol=1e-6)
    for each in described["edges"]:
        edges = graph.edges[each["source"], each["target"]]
        assert np.array_equal(arrays[each["sources"]], edges.source)
        assert np.array_equal(arrays[each["targets"]], edges.target)
        assert each["shown"] == (each["source"] == each["target"])


def test_a_page_loads_nothing_from_elsewhere(graph):
    text = page(scene_of(graph), "a graph")
    assert not re.search(r"https?://|src=|<link|import\s*\(|fetch\(", text)


def test_names_cannot_end_the_script():
    name = "</script><script>alert(1)//"
    nodes = Nodes(
        *(2 * [next(iter(IcosahedralGraph(refinement=0).build({"data": GRID}).nodes.values())).latitudes])
    )
    text = page(scene_of(Graph({name: nodes})), "<b>")
    assert name not in text
    assert "&lt;b&gt;" in text
    assert read(text)[0]["nodes"][0]["name"] == name


def test_what_is_shown_can_be_chosen(graph):
    scene = scene_of(graph, ["data", "hidden:data"])
    assert [each.name for each in (*scene.nodes, *scene.edges) if each.shown] == ["data", "hidden:data"]
    with pytest.raises(ConfigError, match="hidden:data"):
        scene_of(graph, ["hidden:dat"])


def test_the_view_is_filled_by_a_region(graph):
    assert scene_of(graph).reach == 1.0
    scene = scene_of(IcosahedralGraph(refinement=3).build({"data": regional()}))
    assert 0.2 < scene.reach < 0.8
    assert abs(scene.view[0]) < 5.0
    assert abs(scene.view[1] % 360.0 - 178.0) < 5.0


def test_edges_within_a_set_are_drawn_once():
    pairs = np.array([[0, 1], [1, 0], [2, 1], [1, 3]])
    assert once(pairs).tolist() == [[0, 1], [1, 2], [1, 3]]


def test_the_eye_looks_at_the_middle_with_north_up():
    turn = _turn(50.0, 10.0)
    places = to_positions(np.array([50.0, 60.0, 50.0]), np.array([10.0, 10.0, 11.0])) @ turn.T
    assert np.allclose(places[0], [0.0, 0.0, 1.0])
    assert np.allclose(places[1, :2], [0.0, np.sin(np.deg2rad(10.0))])
    assert places[2, 0] > 0.0


def test_an_image_has_its_colours(graph):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    content = picture(scene_of(graph), "a graph", dots=60)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (420, 456)
    import io

    pixels = imread(io.BytesIO(content))[..., :3]
    for each in scene_of(graph).nodes:
        colour = [int(each.colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        assert (np.abs(pixels - colour).max(axis=-1) < 0.12).sum() > 20


def test_the_command_writes_pictures(graph, tmp_path):
    file = tmp_path / "graph.safetensors"
    write_graph(file, graph, {})

    def run(output, *words):
        words = ["plot", str(file), "--output", str(tmp_path / output), *words]
        return CliRunner().invoke(command, words, catch_exceptions=False)

    assert run("a.html", "--view", "50", "10", "--show", "hidden:hidden").exit_code == 0
    described, _ = read((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert described["view"] == [50.0, 10.0]
    assert "<title>graph</title>" in (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"neither \.html nor \.png"):
        run("a.svg")
    with pytest.raises(ConfigError, match="cannot be written"):
        run("none/a.html")
