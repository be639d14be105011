from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from anemoi.core.cli import main

from anemoi_plugin_testing.scaffold import _source

CI = ".github/workflows/ci.yml"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Nothing of the user's: neither a cache of templates nor settings of git or cookiecutter."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A user")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "user@example.org")


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout


def commit(directory: Path) -> None:
    if not (directory / ".git").exists():
        git(directory, "init", "--quiet")
    git(directory, "add", ".")
    git(directory, "-c", "user.name=A user", "-c", "user.email=user@example.org", "commit", "-qm", "Work")


@dataclass
class Template:
    """A copy of the template that a test may change."""

    path: Path

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.path / "{{cookiecutter.__distribution}}" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        (self.path / "{{cookiecutter.__distribution}}" / file).write_text(text, encoding="utf-8")


@pytest.fixture
def template(tmp_path, monkeypatch):
    """The template that comes with the core, for this test a copy of it."""
    path = tmp_path / "template"
    shutil.copytree(_source.TEMPLATE, path)
    monkeypatch.setattr(_source, "TEMPLATE", path)
    return Template(path)


@pytest.fixture
def plugin(tmp_path, template):
    """A plugin that was made from the template and committed."""
    assert main(["plugins", "new", "hook", "mine", "--output-dir", str(tmp_path)]) == 0
    directory = tmp_path / "anemoi-plugin-mine"
    commit(directory)
    return directory
