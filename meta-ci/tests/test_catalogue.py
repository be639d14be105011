"""The catalogue of plugins, and the entries that it takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from anemoi_meta_ci import catalogue
from anemoi_meta_ci.cli import main
from anemoi_meta_ci.results import MatrixRun, Result, StageResult

ENTRY = {
    "name": "anemoi-plugin-swirl",
    "summary": "A processor that mixes <along> vortices",
    "owner": "The Weather Office",
    "repository": "https://github.com/office/anemoi-plugin-swirl",
    "licence": "MIT",
    "components": {"processor": ["swirl"]},
}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A matrix of one plugin beside a core that knows one name."""
    monkeypatch.chdir(tmp_path)
    matrix = {
        "version": 1,
        "lines": {"main": {"core": {"path": "core"}}},
        "plugins": {"anemoi-plugin-own": {"source": {"path": "own"}}},
        "legs": {"full": {"lines": ["main"], "python": ["3.11"], "resolution": ["highest"]}},
    }
    (tmp_path / "compat-matrix.yaml").write_text(yaml.safe_dump(matrix))
    names = tmp_path / catalogue.NAMES
    names.parent.mkdir(parents=True)
    names.write_text(json.dumps({"edge_builder": {"cutoff": "anemoi-plugin-own"}}))
    (tmp_path / "catalogue").mkdir()
    return tmp_path


def enter(folder: Path, stem: str | None = None, **changed: object) -> Path:
    entry = {key: value for key, value in {**ENTRY, **changed}.items() if value is not None}
    path = folder / "catalogue" / f"{stem or entry['name']}.yaml"
    path.write_text(yaml.safe_dump(entry))
    return path


def run(*words: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["anemoi-meta-ci", "catalogue", *map(str, words)])
        try:
            main()
        except SystemExit as left:
            return int(left.code or 0)
    return 0


def test_an_entry_that_is_right_can_be_entered(world, capsys):
    assert run("--check", enter(world)) == 0
    assert "anemoi-plugin-swirl can be entered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("swirl", {}, "is not called anemoi-plugin-swirl.yaml"),
        (None, {"licence": None}, "licence: Field required"),
        (None, {"stars": 5}, "stars: Extra inputs"),
        (None, {"name": "swirl"}, "name: String should match"),
        (None, {"repository": "git@github.com:office/swirl"}, "repository: String should match"),
        (None, {"components": {"edge-builder": ["cutoff"]}}, "'cutoff' is that of anemoi-plugin-own"),
        (None, {"components": {"edge_builder": ["cutoff"]}}, "'cutoff' is that of anemoi-plugin-own"),
        (None, {"components": {"processor": ["taken"]}}, "'taken' is that of anemoi-plugin-earlier"),
        (None, {"name": "anemoi-plugin-own"}, "anemoi-plugin-own is official"),
    ],
)
def test_an_entry_that_cannot_be_entered_is_refused(name, changed, said, world, capsys):
    enter(world, **{"name": "anemoi-plugin-earlier", "components": {"processor": ["taken"]}})
    assert run("--check", enter(world, name, **changed)) == 2
    assert said in capsys.readouterr().err


def test_what_is_no_yaml_or_not_there_is_one_message(world, capsys):
    (world / "catalogue" / "bad.yaml").write_text("name: [")
    for file in ("bad.yaml", "none.yaml"):
        assert run("--check", world / "catalogue" / file) == 2
        said = capsys.readouterr().err
        assert file in said
        assert "Traceback" not in said
    assert run() == run("--check", "x", "--output", "y") == 2


def test_the_page_and_the_json_say_what_was_proved(world, monkeypatch):
    kept, broken = (StageResult("conformance", passed, 1.0) for passed in (True, False))
    results = [
        Result("a", "own", "main/py3.11", "anemoi-plugin-own", "plugin", "pass", stages=(kept,)),
        Result("b", "own", "main/py3.12", "anemoi-plugin-own", "plugin", "regressed", stages=(broken,)),
        Result("c", "own", "0.1.0/py3.11", "anemoi-plugin-own", "plugin", "declared-incompatible"),
        Result("d", "own", "0.0.9/py3.11", "anemoi-plugin-own", "plugin", "flaky"),
    ]
    cores = {"main": "0.2.0", "0.1.0": "0.1.0"}
    MatrixRun("2026-01-01T00:00:00", tuple(results), cores=cores).save(world / ".meta-ci" / "results.json")
    own = {
        "summary": "Ours",
        "version": "1.2",
        "license_expression": "MIT",
        "project_url": ["Source, https://x.org"],
    }
    options = [{"parameter": "radius", "type": "float", "required": False, "default": 2.5, "doc": "How far."}]
    info = [
        {
            "kind": "edge_builder",
            "name": "cutoff",
            "description": "Near ones",
            "state": "ok",
            "options": options,
        }
    ]

    def said(command):
        return json.dumps({"anemoi-plugin-own": own} if "-c" in command else info)

    monkeypatch.setattr(catalogue, "_said", said)
    enter(world)
    assert run("--output", world / "site") == 0
    data = json.loads((world / "site" / "catalogue.json").read_text())
    assert data["lines"] == ["main", "0.1.0", "0.0.9"]
    ours, theirs = data["plugins"]
    assert [(each["line"], each["core"], each["state"]) for each in ours["compatibility"]] == [
        ("main", "0.2.0", "fails"), ("0.1.0", "0.1.0", "incompatible"), ("0.0.9", "", "flaky")
    ]  # fmt: skip
    assert ours["conformance"] == {"passed": 1, "cells": 2}
    assert (ours["version"], ours["repository"], ours["official"]) == ("1.2", "https://x.org", True)
    assert ours["components"][0]["options"] == options
    assert theirs["components"] == [{"kind": "processor", "name": "swirl"}]
    assert (theirs["compatibility"], theirs["conformance"], theirs["official"]) == ([], None, False)
    page = (world / "site" / "index.html").read_text()
    assert "mixes &lt;along&gt; vortices" in page
    assert "<code>radius</code>" in page
    assert "2.5" in page


def test_without_a_run_nothing_is_claimed(world):
    assert run("--output", world / "site", "--python", sys.executable) == 0
    (own,) = json.loads((world / "site" / "catalogue.json").read_text())["plugins"]
    assert (own["compatibility"], own["conformance"], own["components"]) == ([], None, [])
    assert "not in the last run" in (world / "site" / "index.html").read_text()


def test_known_good_sets_are_published_by_the_line_of_their_core(world):
    sets = []
    for version in ("0.2.1", "0.1.0"):
        sets.append(world / f"set-{version}.txt")
        sets[-1].write_text(f"# proved\nanemoi-core=={version} --hash=sha256:00\n")
    words = [word for each in sets for word in ("--known-good", each)]
    assert run("--output", world / "site", *words) == 0
    named = json.loads((world / "site" / "catalogue.json").read_text())["known_good"]
    assert named == {"0.2": "known-good-0.2.txt", "0.1": "known-good-0.1.txt"}
    assert (world / "site" / named["0.2"]).read_text() == sets[0].read_text()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([None], "cannot be read"),
        (["numpy==2.0\n"], "pins no anemoi-core"),
        (["anemoi-core==0.2.0\n", "anemoi-core==0.2.1\n"], "a second known-good set of anemoi-core 0.2"),
    ],
)
def test_a_set_that_cannot_be_published_is_refused_and_nothing_written(texts, said, world, capsys):
    words = []
    for number, text in enumerate(texts):
        path = world / f"set-{number}.txt"
        if text is not None:
            path.write_text(text)
        words += ["--known-good", path]
    assert run("--output", world / "site", *words) == 2
    assert said in capsys.readouterr().err
    assert not (world / "site").exists()
