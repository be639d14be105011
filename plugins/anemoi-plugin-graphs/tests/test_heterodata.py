"""Graphs of anemoi-graphs: read without running code from them, and written."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from click.testing import CliRunner

from anemoi_plugin_graphs.commands.graph import command
from anemoi_plugin_graphs.conversion.heterodata import grouped, read_heterodata, write_heterodata
from anemoi_plugin_graphs.from_file import FileGraph
from anemoi_plugin_graphs.icosahedral import IcosahedralGraph

from .conftest import GRIDS

HeteroData = pytest.importorskip("torch_geometric.data").HeteroData
GRID = GRIDS["octahedral"]


@pytest.fixture
def graph():
    built = IcosahedralGraph(refinement=1).build({"data": GRID})
    built.nodes["data"].attributes["land"] = torch.arange(len(GRID)) % 2 == 0
    built.nodes["data"].attributes["area"] = torch.from_numpy(GRID.areas).float().double()
    return built


@pytest.fixture
def theirs(tmp_path):
    """As anemoi-graphs writes one: radians, int32, attributes in columns, words of its own, no order."""
    data = HeteroData()
    data["data"].x = torch.tensor([[0.5, 1.0], [-1.2, 6.0], [np.pi / 2, 0.0]], dtype=torch.float32)
    data["data"].node_type = "AnemoiDatasetNodes"
    data["data"].area_weight = torch.tensor([[0.25], [0.5], [1.0]])
    data["data"].cutout_mask = torch.tensor([[True], [False], [True]])
    data["hidden"].x = torch.tensor([[0.0, 0.0], [0.1, 0.1]])
    data["hidden"].reference = np.float64(0.3)
    edges = data["data", "to", "hidden"]
    edges.edge_index = torch.tensor([[2, 0, 1], [1, 1, 0]], dtype=torch.int32)
    edges.edge_length = torch.tensor([[3.0], [1.0], [2.0]])
    edges.edge_dirs = torch.tensor([[3.0, 30.0], [1.0, 10.0], [2.0, 20.0]])
    edges.edge_type = "CutOffEdges"
    torch.save(data, tmp_path / "graph.pt")
    return tmp_path / "graph.pt"


def test_a_graph_of_anemoi_graphs_is_read(theirs):
    graph, left_out = read_heterodata(theirs)
    data, edges = graph.nodes["data"], graph.edges["data", "hidden"]
    assert np.allclose(data.latitudes, np.rad2deg([0.5, -1.2, np.pi / 2]), atol=1e-5)
    assert np.allclose(data.longitudes, np.rad2deg([1.0, 6.0, 0.0]), atol=1e-4)
    assert data.attributes["area_weight"].tolist() == [0.25, 0.5, 1.0]
    assert data.attributes["cutout_mask"].tolist() == [True, False, True]
    assert (edges.source.tolist(), edges.target.tolist()) == ([1, 0, 2], [0, 1, 1])
    assert edges.attribute_names == ("edge_length", "edge_dirs_0", "edge_dirs_1")
    assert edges.attributes.tolist() == [[2.0, 2.0, 20.0], [1.0, 1.0, 10.0], [3.0, 3.0, 30.0]]
    assert left_out == ("nodes data: node_type", "nodes hidden: reference", "edges data -> hidden: edge_type")


def test_a_graph_goes_there_and_back(graph, tmp_path):
    write_heterodata(tmp_path / "graph.pt", graph)
    found, left_out = read_heterodata(tmp_path / "graph.pt")
    assert left_out == ()
    assert list(found.nodes) == list(graph.nodes)
    for name, nodes in graph.nodes.items():
        assert (found.nodes[name].positions - nodes.positions).abs().max() < 1e-6
        assert found.nodes[name].attributes.keys() == nodes.attributes.keys()
        for attribute, values in nodes.attributes.items():
            assert torch.equal(found.nodes[name].attributes[attribute], values)
    for name, edges in graph.edges.items():
        other = found.edges[name]
        assert other.attribute_names == edges.attribute_names
        for part in ("source", "target", "attributes"):
            assert torch.equal(getattr(other, part), getattr(edges, part))


def test_torch_geometric_reads_what_is_written(graph, tmp_path):
    write_heterodata(tmp_path / "graph.pt", graph)
    data = torch.load(tmp_path / "graph.pt", weights_only=False)
    assert isinstance(data, HeteroData)
    assert data.validate()
    assert data["data"].x.dtype == torch.float32
    assert data["data", "to", "hidden"].edge_length.shape == (len(graph.edges["data", "hidden"]), 1)


def test_numbered_columns_are_one_attribute():
    names = ("a", "dirs_0", "dirs_1", "b_1", "c_0", "a_7")
    assert grouped(names) == {"a": [0], "dirs": [1, 2], "b_1": [3], "c": [4], "a_7": [5]}


class Attack:
    def __reduce__(self):
        return (eval, ("open('attacked', 'w')",))


@pytest.mark.parametrize("thing", [Attack(), Attack, torch.nn.Linear(1, 1)], ids=["call", "class", "module"])
def test_no_code_of_a_file_is_run(thing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = HeteroData()
    data["data"].x = torch.zeros(1, 2)
    data["data"].thing = thing
    torch.save(data, "graph.pt")
    with pytest.raises(DataError, match=r"eval|Attack|Linear"):
        read_heterodata(tmp_path / "graph.pt")
    assert not (tmp_path / "attacked").exists()


def test_foreign_and_truncated_files_are_refused(theirs, tmp_path):
    whole, path = theirs.read_bytes(), tmp_path / "damaged.pt"
    for content in (b"", b"text", whole[:-50], whole[: len(whole) // 2], pickle.dumps({"a": 1})):
        path.write_bytes(content)
        with pytest.raises(DataError):
            read_heterodata(path)
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="no HeteroData"):
        read_heterodata(path)
    for name, message in (("program/constants.pkl", "TorchScript"), ("a", "damaged")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "b")
        with pytest.raises(DataError, match=message):
            read_heterodata(path)
    with pytest.raises(DataError, match="There is no graph"):
        read_heterodata(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["data"].__setitem__("x", torch.full((3, 2), torch.nan)), "finite"),
        (lambda data: data["data"].__setitem__("x", torch.full((3, 2), 50.0)), "poles"),
        (lambda data: data["data"].__delitem__("x"), "x"),
        (
            lambda data: data["data", "to", "hidden"].__setitem__("edge_index", torch.tensor([[9], [0]])),
            "outside",
        ),
        (
            lambda data: data["data", "by", "hidden"].__setitem__("edge_index", torch.tensor([[0], [0]])),
            "two sets of edges",
        ),
    ],
    ids=["nan", "latitude", "no places", "edges", "relations"],
)
def test_graphs_that_are_none_of_places_are_refused(theirs, change, message):
    data = torch.load(theirs, weights_only=False)
    change(data)
    torch.save(data, theirs)
    with pytest.raises(DataError, match=message):
        read_heterodata(theirs)


def test_the_command_converts_both_ways(theirs, tmp_path):
    ours, back = tmp_path / "graph.safetensors", tmp_path / "back.pt"

    def run(*words):
        return CliRunner().invoke(command, ["convert", *map(str, words)], catch_exceptions=False)

    assert "left out: nodes data: node_type" in run(theirs, "--output", ours).output
    run(ours, "--output", back)
    assert read_heterodata(back)[0].nodes.keys() == {"data", "hidden"}
    places = read_heterodata(theirs)[0].nodes["data"]
    grid = Grid(places.latitudes.numpy(), places.longitudes.numpy())
    assert len(FileGraph(path=ours).build({"data": grid}).nodes["hidden"]) == 2
    with pytest.raises(ConfigError, match="Where is the result"):
        run(theirs)
    with pytest.raises(ConfigError, match="cannot be converted"):
        run(tmp_path / "graph.txt")
