"""Searching what plugins there are."""

from __future__ import annotations

import json

import pytest

from anemoi.core.cli import main
from anemoi.core.plugins import known, search

CATALOGUE = {
    "plugins": [
        {
            "name": "anemoi-plugin-swirl",
            "summary": "Vortices",
            "version": "1.2",
            "install": "anemoi plugins install anemoi-plugin-swirl",
            "compatibility": [{"line": "0.2", "state": "works"}, {"line": "0.1", "state": "fails"}],
            "components": [{"kind": "processor", "name": "swirl"}],
        }
    ]
}


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(CATALOGUE))
    return path


def test_the_names_that_come_with_core_are_searched_without_a_network(capsys):
    assert {each.name for each in search([])} >= known("processor") | known("command")
    assert main(["plugins", "search", "Processor", "graph_transformer".replace("_", ""), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["distribution"] == "anemoi-plugin-graphtransformer"
    assert found["install"] == "anemoi plugins install anemoi-plugin-graphtransformer"


def test_a_catalogue_says_more(catalogue, capsys):
    for where in (str(catalogue), catalogue.as_uri()):
        (found,) = search(["vortices"], where)
        assert (found.name, found.version, found.works_with) == ("swirl", "1.2", "0.2")
        assert found.install == f"anemoi plugins install anemoi-plugin-swirl --catalogue {where}"
    assert search(["vortices", "lorenz"], str(catalogue)) == []
    for name in ("swirl", "Anemoi_plugin.swirl", "anemoi-plugin-swirl:swirl"):
        assert main(["plugins", "info", name, "--catalogue", str(catalogue)]) == 0
        said = capsys.readouterr().out
        assert "Vortices" in said
        assert "works with 0.2; fails with 0.1" in said
    assert main(["plugins", "info", "vortices", "--catalogue", str(catalogue)]) != 0


@pytest.mark.parametrize("text", [None, "{", "[]", '{"plugins": [{"name": "x"}]}'])
def test_what_is_no_catalogue_is_one_message(text, tmp_path, capsys):
    path = tmp_path / "catalogue.json"
    if text is not None:
        path.write_text(text)
    assert main(["plugins", "search", "--catalogue", str(path)]) != 0
    said = capsys.readouterr().err
    assert str(path) in said
    assert "Traceback" not in said
