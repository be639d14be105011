"""Searching what plugins there are."""

from __future__ import annotations

import json

import pytest

from anemoi.core.cli import main
from anemoi.core.plugins import _choose, _explain, _published, _search, known, normalise, search

CATALOGUE = {
    "plugins": [
        {
            "name": "anemoi-plugin-swirl",
            "summary": "Vortices",
            "version": "1.2",
            "install": "anemoi plugins install anemoi-plugin-swirl",
            "licence": "MIT",
            "documentation": "https://example.org/swirl",
            "requires": ["numpy>=2", "anemoi-core-extras>=1", "anemoi-core>=0.2,<0.3"],
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


def test_what_core_knows_is_searched_without_a_network(capsys):
    names = {normalise(each.name) for each in search([])}
    assert names >= known("processor") | known("command") | known("metric")
    assert main(["plugins", "search", "Processor", "graph_transformer".replace("_", ""), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["distribution"] == "anemoi-plugin-graphtransformer"
    assert found["install"] == "anemoi plugins install anemoi-plugin-graphtransformer"
    assert main(["plugins", "search", "sliding-window"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:3] == ["transformer", "processor", "anemoi-plugin-transformer"]
    assert ">=0." in row


def test_info_tells_of_what_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(_explain, "components", lambda kind=None: [])
    assert main(["plugins", "info", "graphtransformer", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in facts] == ["mapper", "processor"]
    for each in facts:
        assert each["state"] == "not installed"
        assert "attend" in each["description"]
        assert (each["licence"], each["distribution"]) == ("Apache-2.0", "anemoi-plugin-graphtransformer")
        assert each["documentation"].startswith("https://")
        assert each["declares"].startswith("anemoi-core>=")
        assert each["install"] == "anemoi plugins install anemoi-plugin-graphtransformer"
    assert main(["plugins", "info", "graphtransformer", "--load"]) != 0
    assert "is not installed; anemoi-plugin-graphtransformer provides it" in capsys.readouterr().err


def test_help_does_not_read_what_plugins_say_of_themselves(monkeypatch, capsys):
    def fail():
        raise AssertionError

    monkeypatch.setattr(_published, "embedded_catalogue", fail)
    for module in (_choose, _search):
        monkeypatch.setattr(module, "embedded_catalogue", fail)
    assert main(["--help"]) == 0
    assert main(["plugins", "--help"]) == 0
    with pytest.raises(AssertionError):
        main(["plugins", "search"])


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
        assert "MIT" in said
        assert "https://example.org/swirl" in said
        assert "anemoi-core>=0.2,<0.3" in said
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
