"""What `anemoi plugins add` and several kinds in one `anemoi plugins new` make."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from anemoi.core.cli import main

from .conftest import commit, git


def new(folder, kinds, name="mine"):
    assert main(["plugins", "new", kinds, name, "--output-dir", str(folder)]) == 0
    plugin = folder / f"anemoi-plugin-{name}"
    commit(plugin)
    return plugin


def add(plugin, kind, name):
    return main(["plugins", "add", kind, name, "--directory", str(plugin)])


def lint(plugin):
    for words in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=plugin, check=True)


def test_what_is_added_stands_beside_what_was_there(tmp_path, capsys):
    plugin = new(tmp_path, "hook")
    assert add(plugin, "output", "sheet") == 0
    said = capsys.readouterr().out
    changed = {line[3:] for line in git(plugin, "status", "--porcelain", "-uall").splitlines()}
    assert changed == {
        ".tours/code.tour", "docs/index.md", "pyproject.toml", "src/anemoi_plugin_mine/output.py",
        "tests/test_contract_output.py", "tests/test_output.py",
    }  # fmt: skip
    assert all(name in said for name in changed)
    removed = [line for line in git(plugin, "diff").splitlines() if re.match(r"-(?!--)", line)]
    # What the plugin has is left alone, except that the kit is asked for with what an output's tests need.
    assert len(removed) == 1
    assert "anemoi-plugin-testing>=" in removed[0]
    project = (plugin / "pyproject.toml").read_text()
    assert (
        '[project.entry-points."anemoi.core.outputs"]\nsheet = "anemoi_plugin_mine.output:SheetOutput"'
        in (project.partition("# What follows")[0])
    )
    assert '"scipy>=1.11",\n]' in project
    assert "\n## The output `sheet`\n" in (plugin / "docs/index.md").read_text()
    lint(plugin)


def test_a_tour_goes_through_all_components_before_the_tests(tmp_path):
    plugin = new(tmp_path, "hook")
    assert add(plugin, "forcing", "tide") == 0
    files = [step["file"] for step in json.loads((plugin / ".tours/code.tour").read_text())["steps"]]
    last = len(files) - 1 - files[::-1].index("src/anemoi_plugin_mine/forcing.py")
    assert files.index("src/anemoi_plugin_mine/hook.py") < last < files.index("tests/test_contract.py")


def test_several_kinds_come_in_one_plugin(tmp_path):
    plugin = new(tmp_path, "processor,mapper")
    conf = plugin / "src/anemoi_plugin_mine/conf/model"
    assert {file.name for file in conf.iterdir()} == {"mine.yaml", "mine-mapper.yaml"}
    assert "model=mine-mapper" in (plugin / "docs/index.md").read_text()
    project = (plugin / "pyproject.toml").read_text()
    assert project.count('mine = "anemoi_plugin_mine.conf"') == 1
    assert 'description = "The processor and mapper mine for Anemoi"' in project
    assert json.loads((plugin / ".cruft.json").read_text())["context"]["cookiecutter"]["kind"] == "processor"
    lint(plugin)
    assert main(["plugins", "update", str(plugin), "--check"]) == 0


def test_a_second_of_one_kind_has_a_module_of_its_own_name(tmp_path):
    plugin = new(tmp_path, "tracker")
    assert add(plugin, "tracker", "log-book") == 0
    project = (plugin / "pyproject.toml").read_text()
    assert 'log-book = "anemoi_plugin_mine.log_book:LogBookTracker"\n' in project
    assert project.count('entry-points."anemoi.core.trackers"') == 1
    assert "from anemoi_plugin_mine.log_book import" in (plugin / "tests/test_log_book.py").read_text()
    lint(plugin)


def test_the_authors_way_of_writing_a_pyproject_is_kept(tmp_path):
    plugin = new(tmp_path, "hook")
    project = (plugin / "pyproject.toml").read_text()
    own = project.replace('license-files = ["LICENSE"]', "license-files = [ 'LICENSE' ]  # ours")
    own = own.replace("[project.urls]", "[tool.house]\nrule = 1\n\n[project.urls]")
    (plugin / "pyproject.toml").write_text(own)
    assert add(plugin, "forcing", "tide") == 0
    text = (plugin / "pyproject.toml").read_text()
    assert "license-files = [ 'LICENSE' ]  # ours" in text
    assert "[tool.house]\nrule = 1\n" in text
    assert '"numpy>=1.26"' in text


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("hook", "mine", "offers a hook 'mine' already"),
        ("processor", "transformer", "anemoi-plugin-transformer"),
        ("tracker", "2fast", "cannot be called"),
        ("nonsense", "other", "'nonsense' is not one of"),
        ("forcing", "tide", "src/anemoi_plugin_mine/forcing.py"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_changes(kind, name, said, tmp_path, capsys):
    plugin = new(tmp_path, "hook")
    for file in ("forcing.py", "tide.py"):
        (plugin / "src/anemoi_plugin_mine" / file).write_text('"""Mine."""\n')
    commit(plugin)
    assert add(plugin, kind, name) == 2
    complaint = capsys.readouterr().err
    assert said.replace("forcing.py", "tide.py") in complaint
    assert git(plugin, "status", "--porcelain") == ""


def test_a_file_that_cannot_be_written_leaves_the_plugin_as_it_was(tmp_path, monkeypatch, capsys):
    plugin = new(tmp_path, "hook")
    write = Path.write_text

    def full(self, *args, **kwargs):
        if "index.md" in self.name and self.is_relative_to(plugin):
            raise OSError("No space left on device")
        return write(self, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    assert add(plugin, "forcing", "tide") == 2
    assert "No space left" in capsys.readouterr().err
    monkeypatch.undo()
    assert git(plugin, "status", "--porcelain", "-uall") == ""


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("pyproject.toml", "[project", "pyproject.toml cannot be read"),
        ("pyproject.toml", '[project]\nname = "elsewhere"\n', "no src/elsewhere"),
        (".tours/code.tour", "[]", "tour of the plugin cannot be read"),
        (".cruft.json", None, "was not made from the template"),
    ],
)
def test_a_plugin_that_cannot_be_read_is_left_alone(file, text, said, tmp_path, capsys):
    plugin = new(tmp_path, "hook")
    if text is None:
        (plugin / file).unlink()
    else:
        (plugin / file).write_text(text)
    commit(plugin)
    assert add(plugin, "forcing", "tide") == 2
    assert said in capsys.readouterr().err
    assert git(plugin, "status", "--porcelain") == ""
