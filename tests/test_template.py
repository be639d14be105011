"""Whether what the template makes is right, from its first day on and after an update."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import environment
import pytest
from anemoi.core.cli import main
from anemoi.core.plugins import find_kind, kinds
from anemoi_plugin_testing.scaffold import _source, kinds_of_template
from environment import run
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
MADE = [*kinds_of_template(), *(name for name in kinds() if find_kind(name).scaffold)]
OURS = ("anemoi-core", "anemoi-plugin-layers", "anemoi-plugin-testing")
"""What a new plugin needs of ours, to be used and to be tested."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Wheels of ours, each built through its source distribution as a release is."""
    folders = {name: tmp_path_factory.mktemp(name) for name in OURS}
    places = {name: ROOT / "core" if name == "anemoi-core" else ROOT / "plugins" / name for name in OURS}
    return {name: build(places[name], folder) for name, folder in folders.items()}


def build(project: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, project)
    run(sys.executable, "-m", "twine", "check", "--strict", *folder.iterdir())
    return next(folder.glob("*.whl"))


def new(kind: str, name: str, folder: Path) -> Path:
    assert main(["plugins", "new", kind, name, "--output-dir", str(folder)]) == 0
    return folder / f"anemoi-plugin-{name}"


def requirements(wheel: Path) -> list[str]:
    """What a wheel requires, with what it requires to be tested."""
    run(sys.executable, "-m", "zipfile", "-e", wheel, wheel.parent / "unpacked")
    metadata = next((wheel.parent / "unpacked").glob("*.dist-info/METADATA")).read_text(encoding="utf-8")
    lines = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return [
        str(Requirement(f"{each.name}[{','.join(each.extras)}]" if each.extras else each.name))
        for each in found
        if each.marker is None or each.marker.evaluate({"extra": "test"})
    ]


@pytest.mark.parametrize("kind", MADE)
def test_a_new_plugin_is_right(kind, ours, tmp_path):
    """Built, alone with what it declares, and held to everything that it is held to."""
    held(new(kind, "mine", tmp_path), {kind}, ours, tmp_path)


def test_a_plugin_with_components_of_several_kinds_is_right(ours, tmp_path):
    plugin = new("processor,mapper", "mine", tmp_path)
    for kind, name in (("hook", "warner"), ("processor", "another")):
        assert main(["plugins", "add", kind, name, "--directory", str(plugin)]) == 0
    held(plugin, {"processor", "mapper", "hook"}, ours, tmp_path)


def held(plugin: Path, offered: set[str], ours, tmp_path: Path) -> None:
    wheel = build(plugin, tmp_path / "dist")
    run(sys.executable, "-m", "ruff", "check", ".", cwd=plugin)
    run(sys.executable, "-m", "ruff", "format", "--check", ".", cwd=plugin)
    run(sys.executable, "-m", "mypy", "--cache-dir", ROOT / ".mypy_cache", cwd=plugin)
    run(
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        tmp_path / "site",
        cwd=plugin,
    )
    python = environment.make(tmp_path / "fresh", requirements(wheel), besides=OURS)
    environment.install(python, *ours.values(), wheel)
    listed = json.loads(run(python.parent / "anemoi", "plugins", "list", "--json", cwd=tmp_path))
    mine = [one for one in listed if one["distribution"] == "anemoi-plugin-mine"]
    assert {one["kind"] for one in mine} >= offered
    assert {one["state"] for one in mine} == {"ok"}
    assert " passed" in run(python, "-m", "pytest", "-q", cwd=plugin)


def test_style_does_not_depend_on_the_name(tmp_path):
    for kind in MADE:
        for name in ("a", "a-name-of-28-characters-long"):
            new(kind, name, tmp_path / kind)
    run(sys.executable, "-m", "ruff", "check", tmp_path)
    run(sys.executable, "-m", "ruff", "format", "--check", tmp_path)


def test_an_updated_plugin_is_still_right(ours, tmp_path, monkeypatch):
    """Made from an older template, changed by its authors, and updated."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    older = tmp_path / "template"
    shutil.copytree(_source.TEMPLATE, older)
    skeleton = older / "{{cookiecutter.__distribution}}"
    for file, now, then in (
        ("tests/test_repository.py", "def test_the_changelog", "def test_that_the_changelog"),
        ("pyproject.toml", "line-length = 110", "line-length = 120"),
        ("src/{{cookiecutter.__package}}/__init__.py", '"""\n', '"""\n\n__all__: list[str] = []\n'),
    ):
        text = (skeleton / file).read_text(encoding="utf-8")
        assert now in text
        (skeleton / file).write_text(text.replace(now, then), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(_source, "TEMPLATE", older)
        plugin = new("hook", "mine", tmp_path)
    (plugin / "src/anemoi_plugin_mine/more.py").write_text('"""More."""\n', encoding="utf-8")
    project = (plugin / "pyproject.toml").read_text(encoding="utf-8")
    project = project.replace('version = "0.1.0"', 'version = "0.2.0"')
    (plugin / "pyproject.toml").write_text(project, encoding="utf-8")
    changelog = (plugin / "CHANGELOG.md").read_text(encoding="utf-8")
    (plugin / "CHANGELOG.md").write_text(changelog.replace("0.1.0", "0.2.0"), encoding="utf-8")
    commit(plugin)
    assert main(["plugins", "update", str(plugin)]) == 0
    assert "def test_the_changelog" in (plugin / "tests/test_repository.py").read_text(encoding="utf-8")
    assert run("git", "grep", "-c", "^<<<<<<<", cwd=plugin, code=1) == ""
    wheel = build(plugin, tmp_path / "dist")
    python = environment.make(tmp_path / "fresh", requirements(wheel), besides=OURS)
    environment.install(python, *ours.values(), wheel)
    assert " passed" in run(python, "-m", "pytest", "-q", cwd=plugin)


def test_the_wheel_has_the_template_that_is_here(ours, tmp_path, monkeypatch):
    """To the bit, or a plugin would be out of date as soon as it is made from a release."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run(sys.executable, "-m", "zipfile", "-e", ours["anemoi-plugin-testing"], tmp_path / "wheel")
    template = tmp_path / "wheel" / "anemoi_plugin_testing" / "scaffold" / _source.TEMPLATE.name
    monkeypatch.setattr(_source, "TEMPLATE", template)
    released = _source.source(None).checkout
    monkeypatch.undo()
    assert _source.source(None).checkout == released


def commit(directory: Path) -> None:
    who = {
        f"GIT_{role}_{what}": "user@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Work"]):
        subprocess.run(["git", *words], cwd=directory, env={**os.environ, **who}, check=True)
