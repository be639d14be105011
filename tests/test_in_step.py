"""Whether every plugin here is as the template makes it, where that is the template's to say."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import plugins_in_step
from plugins_in_step import drift, plugins


@pytest.mark.parametrize("plugin", plugins(), ids=lambda plugin: plugin.name)
def test_a_plugin_is_in_step_with_the_template(plugin):
    names = [f"plugins/{plugin.name}/{file}" for file in drift(plugin)]
    assert not names, (
        f"not as the template makes them: {', '.join(names)}\nrun: python tools/plugins_in_step.py"
    )


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A plugin that may be changed."""
    plugin = tmp_path / "plugins" / "anemoi-plugin-training"
    shutil.copytree(plugins_in_step.ROOT / "plugins" / plugin.name, plugin)
    monkeypatch.setattr(plugins_in_step, "ROOT", tmp_path)
    monkeypatch.setattr(plugins_in_step, "__file__", str(tmp_path / "tools" / "plugins_in_step.py"))
    return plugin


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (".github/workflows/ci.yml", "run: mypy", "run: true"),
        ("pyproject.toml", "strict = true", "strict = false"),
        ("README.md", "&& mypy", ""),
        ("LICENSE", "Apache License", "Some licence"),
        (".cruft.json", '"commit": "', '"commit": "0'),
    ],
)
def test_a_drift_is_found_named_and_mended(file, old, new, copy, monkeypatch, capsys):
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert list(drift(copy)) == [file]
    monkeypatch.setattr(sys, "argv", ["plugins_in_step.py", "--check"])
    assert plugins_in_step.main() == 1
    said = capsys.readouterr().out
    assert f"plugins/anemoi-plugin-training/{file}" in said
    assert "python tools/plugins_in_step.py" in said
    monkeypatch.setattr(sys, "argv", ["plugins_in_step.py"])
    assert plugins_in_step.main() == 0
    assert drift(copy) == {}
    # The record may name another version of the core, where the template has not changed since.
    assert file == ".cruft.json" or (copy / file).read_text(encoding="utf-8") == text


def test_what_is_the_plugins_own_is_no_drift(copy):
    project = (copy / "pyproject.toml").read_text(encoding="utf-8")
    (copy / "pyproject.toml").write_text(project.replace('"click>=8.1"', '"click>=8.2"'), encoding="utf-8")
    (copy / "README.md").write_text(
        (copy / "README.md").read_text(encoding="utf-8").replace("\n## Dev", "\n## More\n\nText.\n\n## Dev"),
        encoding="utf-8",
    )
    assert drift(copy) == {}


def test_what_the_template_cannot_write_is_asked_for(copy, monkeypatch, capsys):
    (copy / ".tours" / "code.tour").unlink()
    monkeypatch.setattr(sys, "argv", ["plugins_in_step.py"])
    assert plugins_in_step.main() == 1
    assert "code.tour is missing" in capsys.readouterr().out
