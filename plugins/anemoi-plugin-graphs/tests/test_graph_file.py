"""Graphs as files, and the commands that make and describe them."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from click.testing import CliRunner

from anemoi_plugin_graphs.commands.graph import command
from anemoi_plugin_graphs.description import bars, describe
from anemoi_plugin_graphs.from_file import FileGraph
from anemoi_plugin_graphs.graph_file import read_graph, write_graph
from anemoi_plugin_graphs.icosahedral import IcosahedralGraph

from .conftest import GRIDS

GRID = GRIDS["octahedral"]


@pytest.fixture
def graph():
    built = IcosahedralGraph(refinement=1).build({"data": GRID})
    built.nodes["data"].attributes["land"] = torch.arange(len(GRID)) % 2 == 0
    return built


@pytest.fixture
def file(graph, tmp_path):
    write_graph(tmp_path / "graph.safetensors", graph, {"parents": [], "kind": "graph"})
    return tmp_path / "graph.safetensors"


def test_a_graph_comes_back_from_its_file_to_the_bit(graph, file):
    found, provenance = read_graph(file)
    assert found.identity == graph.identity
    assert torch.equal(found.nodes["data"].attributes["land"], graph.nodes["data"].attributes["land"])
    assert provenance == {"parents": [], "kind": "graph"}
    assert FileGraph(path=file).build({"data": GRID}).identity == graph.identity


def test_a_file_on_other_points_is_refused(file):
    with pytest.raises(ConfigError, match="other points"):
        FileGraph(path=file).build({"data": GRIDS["scattered"]})
    with pytest.raises(ConfigError, match="no nodes for the domain 'ocean'"):
        FileGraph(path=file).build({"ocean": GRID})


def test_files_that_are_no_graphs_are_refused(file, tmp_path):
    whole = file.read_bytes()
    damaged = tmp_path / "damaged.safetensors"
    for content, message in (
        (whole[:-100], "truncated"),
        (b"", "truncated"),
        (b"PK\x03\x04 some pickle", "truncated"),
        (safetensors.torch.save({"a": torch.zeros(1)}), "not a graph"),
        (
            safetensors.torch.save({"a": torch.zeros(1)}, {"format": "anemoi-graph", "format_version": "2"}),
            "2",
        ),
        (whole[:-8] + b"\x00\x00\x00\x01\x00\x00\x00\x01", "altered"),
    ):
        damaged.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_graph(damaged)
    with pytest.raises(DataError, match="There is no graph"):
        read_graph(tmp_path / "none.safetensors")


def test_the_description_counts_what_there_is(graph):
    found = describe(graph)
    encoder = next(each for each in found.edges if each.target == "hidden" and each.source == "data")
    edges = graph.edges["data", "hidden"]
    degree = np.bincount(edges.target.numpy(), minlength=42)
    assert (encoder.count, encoder.fewest, encoder.most) == (len(edges), degree.min(), degree.max())
    assert encoder.mean == pytest.approx(len(edges) / 42)
    assert sum(encoder.degrees) == 42
    assert sum(encoder.lengths) == len(edges)
    longest = graph.nodes["data"].positions[edges.source] @ graph.nodes["hidden"].positions.T
    angle = torch.arccos(longest[torch.arange(len(edges)), edges.target].clamp(-1, 1))
    assert encoder.longest_km == pytest.approx(float(angle.max()) * 6371.0, rel=1e-6)


def test_bars_grow_with_what_they_stand_for():
    assert bars((0, 1, 4, 8)) == " ▁▄█"
    assert bars(()) == ""


def test_the_command_builds_a_graph_and_describes_it(tmp_path):
    path = tmp_path / "graph.safetensors"
    made = CliRunner().invoke(
        command, ["build", "graph.refinement=1", "--output", str(path)], catch_exceptions=False
    )
    assert made.exit_code == 0
    assert "data -> hidden" in made.output
    told = CliRunner().invoke(command, ["describe", str(path), "--json"], catch_exceptions=False)
    found = json.loads(told.output)
    assert [each["count"] for each in found["nodes"] if each["name"] == "hidden"] == [42]
    assert found["provenance"]["configuration"]["refinement"] == 1
    assert found["provenance"]["parents"][0]["kind"] == "dataset"


def test_a_file_that_cannot_be_written_is_told(graph, tmp_path):
    with pytest.raises(AnemoiError, match="cannot be written"):
        write_graph(tmp_path / "none" / "graph.safetensors", graph, {})
