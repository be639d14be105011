"""The line from a file back to the data, and what no longer matches, on files made here."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
import torch

from anemoi.core import checkpoint as checkpoints
from anemoi.core.cli.main import main
from anemoi.core.documents import document
from anemoi.core.errors import DataError
from anemoi.core.graph import Edges, Graph, Nodes
from anemoi.core.lineage import ancestors, read, verify
from anemoi.core.plugins import used
from anemoi.core.provenance import provenance
from anemoi.core.trailer import read_trailer, trailer


def write(path, about, body=b"GRIB ... 7777", comment=("", "")):
    content = f"sha256:{hashlib.sha256(body).hexdigest()}"
    path.write_bytes(body + trailer(about, content, comment=comment))
    return path


@pytest.fixture
def saved(make_checkpoint, tmp_path):
    """The checkpoint in a file, as it knows itself."""
    return checkpoints.save(tmp_path / "model.safetensors", make_checkpoint())


@pytest.fixture
def forecast(saved, tmp_path):
    """A file that was made from it."""
    about = provenance(
        kind="forecast",
        identity="f",
        parents=[saved.as_parent(), {"kind": "dataset", "identity": "d", "path": str(tmp_path / "gone")}],
        command="anemoi forecast --date 2025-12-23T00 x=GRIB",
    )
    return write(tmp_path / "forecast.grib", about)


@pytest.mark.parametrize("comment", [("", ""), ("<!-- ", " -->")])
@pytest.mark.parametrize("body", [b"", b"\n", b"x\n\n{", b"GRIB7777" * 5000])
def test_a_trailer_is_read_back_and_holds_no_word_that_readers_look_for(tmp_path, body, comment):
    about = {"command": "anemoi forecast --date GRIB -->\n7777 }", "parents": [{"kind": "dataset"}]}
    line = read_trailer(write(tmp_path / "f", about, body, comment))
    assert line.size == len(body)
    assert {**line.document, "content": ""} == {**about, "content": ""}
    end = (tmp_path / "f").read_bytes()[len(body) :].removesuffix(b" -->\n").removeprefix(b"\n<!-- ")
    assert not any(word in end for word in (b"GRIB", b"7777", b"--"))


@pytest.mark.parametrize("size", [100, 70_000, 2_000_000])
def test_a_trailer_may_be_long(tmp_path, size):
    assert read_trailer(write(tmp_path / "f", {"command": "x" * size})).document["command"] == "x" * size


@pytest.mark.parametrize("body", [b"", b"\n", b"text\n", b'\n{"anemoi": 3}\n', b'\n{"anemoi": {broken}\n'])
def test_other_files_have_no_trailer(tmp_path, body):
    (tmp_path / "f").write_bytes(body)
    assert read_trailer(tmp_path / "f") is None
    with pytest.raises(DataError, match="does not say where it comes from"):
        read(tmp_path / "f")


def test_a_json_document_is_known_by_what_it_holds_and_not_by_its_layout(saved, tmp_path):
    about = provenance(kind="report", identity="r", parents=[saved.as_parent()])
    made = document({"scores": {"rmse": [1.5, 2.25]}}, about)
    file = tmp_path / "scores.json"
    for indent in (None, 2):
        file.write_text(json.dumps(dict(reversed(made.items())), indent=indent))
        assert [finding.status for finding in verify(file)] == ["ok", "ok"]
    assert next(ancestors(read(file).provenance))["identity"] == saved.identity
    for altered in ({**made, "scores": 1}, {**made, "provenance": {**made["provenance"], "command": "x"}}):
        file.write_text(json.dumps(altered))
        assert verify(file)[0].status == "differs"
    for other in ("[]", "{}", '{"provenance": 3}', "{"):
        file.write_text(other)
        with pytest.raises(DataError, match="does not say where it comes from"):
            read(file)


def test_the_line_goes_back_to_the_data(forecast, saved):
    found = read(forecast)
    assert next(ancestors(found.provenance))["identity"] == saved.identity
    assert found.provenance["plugins"] == used()
    assert read(saved.path).provenance["identity"] == saved.identity
    assert read(saved.path).provenance["overrides"] == list(saved.overrides)


def test_what_holds_what_it_held_is_told(forecast, capsys):
    assert [finding.status for finding in verify(forecast)] == ["ok", "ok", "absent"]
    assert main(["provenance", "verify", str(forecast)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["ok", "ok", "absent"]


def test_an_altered_file_and_an_altered_parent_are_told(forecast, saved, capsys):
    whole = forecast.read_bytes()
    forecast.write_bytes(whole.replace(b"GRIB ...", b"GRIB .,."))
    assert [finding.status for finding in verify(forecast)] == ["differs", "ok", "absent"]
    forecast.write_bytes(whole)
    contents = bytearray(saved.path.read_bytes())
    contents[-1] ^= 1
    saved.path.write_bytes(contents)
    assert [finding.status for finding in verify(forecast)] == ["ok", "differs", "absent"]
    assert verify(saved.path)[0].status == "differs"
    assert main(["provenance", "verify", str(forecast)]) == 1
    assert "differs     checkpoint" in capsys.readouterr().out


def test_what_cannot_be_read_is_told_and_the_rest_verified(forecast, saved, capsys, monkeypatch):
    """A reader of a format meets damage with whatever error its library has."""
    from anemoi.core import lineage

    real = lineage.content_before

    def damaged(path, size):
        if path == forecast:
            raise RuntimeError("error during blosc decompression: -1\nand more")
        return real(path, size)

    monkeypatch.setattr(lineage, "content_before", damaged)
    assert [finding.status for finding in verify(forecast)] == ["unreadable", "ok", "absent"]
    absent = str(forecast.parent / "absent")
    assert main(["provenance", "verify", absent, str(forecast), str(saved.path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["absent", "unreadable", "ok", "absent", "ok"]
    assert said[1].endswith("RuntimeError: error during blosc decompression: -1")
    assert main(["provenance", "verify", absent]) == 1
    assert main(["provenance", "verify", str(saved.path)]) == 0


def test_another_checkpoint_in_the_place_of_the_parent_is_told(forecast, saved):
    other = checkpoints.save(saved.path, dataclasses.replace(saved, overrides=("a=1",)))
    (finding,) = [each for each in verify(forecast) if each.status == "differs"]
    assert other.identity in finding.reason


def test_what_nothing_is_known_of_is_not_said_to_differ(tmp_path):
    """Raw GRIB, of which a forecast may begin, says nothing of itself."""
    (tmp_path / "raw.grib").write_bytes(b"GRIB ... 7777")
    parent = {"kind": "dataset", "identity": "d", "path": str(tmp_path / "raw.grib")}
    made = write(tmp_path / "f.grib", provenance(kind="forecast", identity="f", parents=[parent]))
    assert [finding.status for finding in verify(made)] == ["ok", "unknown"]
    made = write(tmp_path / "f.grib", provenance(parents=[{**parent, "content": "sha256:it had one"}]))
    assert [finding.status for finding in verify(made)] == ["ok", "differs"]


def test_the_command_draws_the_line(forecast, saved, capsys):
    assert main(["provenance", str(forecast)]) == 0
    shown = capsys.readouterr().out
    for text in ("forecast f", f"checkpoint {saved.identity}", "dataset d", "x=GRIB"):
        assert text in shown
    for arguments in (["--json", str(forecast)], ["show", str(forecast), "--json"]):
        assert main(["provenance", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["identity"] == "f"
    assert main(["provenance", str(forecast), "--dot"]) == 0
    drawn = capsys.readouterr().out
    assert drawn.startswith("digraph")
    assert f'"{saved.identity}" -> "f";' in drawn
    assert '"d" -> "f";' in drawn


def test_a_file_that_is_not_there_or_says_nothing_is_a_clear_error(tmp_path, capsys):
    assert main(["provenance", str(tmp_path / "absent")]) == 3
    (tmp_path / "text").write_text("hello")
    assert "There is no" in capsys.readouterr().err
    assert main(["provenance", "verify", str(tmp_path / "text")]) == 1
    assert "does not say where it comes from" in capsys.readouterr().out
    assert main(["provenance"]) == 2


def test_the_identity_of_a_graph_is_that_of_all_it_holds():
    nodes = Nodes(torch.arange(2).double(), torch.arange(2).double())
    edges = Edges(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.zeros(2, 1), ("length",))
    graph = Graph({"data": nodes, "hidden": nodes}, {("data", "hidden"): edges})
    same = Graph({"hidden": nodes, "data": nodes}, {("data", "hidden"): edges})
    assert graph.identity == same.identity
    changed = [
        dataclasses.replace(edges, attributes=torch.ones(2, 1)),
        dataclasses.replace(edges, source=torch.tensor([1, 1])),
        dataclasses.replace(edges, attribute_names=("width",)),
    ]
    others = [Graph(graph.nodes, {("data", "hidden"): each}) for each in changed]
    others.append(Graph(graph.nodes, {("hidden", "data"): edges}))
    assert len({graph.identity, *(each.identity for each in others)}) == 5
