"""What is built between releases has a version that no release has."""

from __future__ import annotations

import os
import subprocess

import pytest
from packaging.specifiers import SpecifierSet

from anemoi_meta_ci.house import Wheelhouse
from anemoi_meta_ci.matrix import Source

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "made"
version = "0.2.0"
[tool.hatch.build.targets.wheel]
bypass-selection = true
artifacts = ["*.txt"]
"""
GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")


class Tree:
    """A repository with a distribution in a folder, and another folder that it links to."""

    def __init__(self, root):
        self.root = root
        self.git("init", "--quiet")
        (root / "shared").mkdir()
        self.write("made/pyproject.toml", PYPROJECT)
        self.write("shared/data.txt", "1")
        os.symlink("../shared", root / "made" / "linked")
        self.commit()

    def git(self, *words):
        return subprocess.check_output([*GIT, *words], cwd=self.root, text=True).strip()

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Change")
        return self.git("rev-parse", "HEAD")[:8]

    def version(self, source=None):
        house = Wheelhouse(self.root, self.root.parent / "work")
        return house.wheel("made", source or Source(path="made")).version


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


def test_only_what_has_a_tag_and_the_same_files_has_the_version_of_a_release(tree):
    first = tree.git("rev-parse", "HEAD")
    by_git = Source(git=".", ref="HEAD", subdirectory="made")
    assert tree.version() == tree.version(by_git) == f"0.2.0+g{first[:8]}"
    tree.git("tag", "made/v0.2.0")
    tree.write("elsewhere.txt", "")
    tree.commit()
    assert tree.version() == tree.version(by_git) == "0.2.0"

    tree.write("shared/data.txt", "2")  # which a link brings into the distribution
    second = tree.commit()
    assert tree.version() == tree.version(by_git) == f"0.2.0+g{second}"
    at_first = Source(git=".", ref=first, subdirectory="made")
    assert tree.version(at_first) == "0.2.0"


def test_what_is_not_committed_says_so_and_never_twice_the_same(tree):
    commit = tree.git("rev-parse", "HEAD")[:8]
    found = set()
    for text in ("a", "b"):
        tree.write("made/more.txt", text)
        found.add(tree.version())
        assert all(each.startswith(f"0.2.0+g{commit}.changed.") for each in found)
    assert len(found) == 2


def test_the_tag_of_a_repository_of_one_distribution_is_that_of_its_version(tree):
    tree.write("pyproject.toml", PYPROJECT)
    tree.commit()
    tree.git("tag", "v0.2.0")
    assert tree.version(Source(path=".")) == tree.version(Source(git=".", ref="HEAD")) == "0.2.0"
    assert "+g" in tree.version()


def test_a_folder_that_is_in_no_repository_keeps_its_version(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "pyproject.toml").write_text(PYPROJECT)
    assert Wheelhouse(tmp_path, tmp_path / "work").wheel("made", Source(path="made")).version == "0.2.0"


def test_what_requires_the_release_accepts_it():
    for range_ in (">=0.2", ">=0.2,<0.3", "==0.2.0", "<=0.2.0", "==0.2.*"):
        assert "0.2.0+gabc1234" in SpecifierSet(range_)
