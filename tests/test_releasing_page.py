"""The commands of docs/releasing.md, word for word, on a scratch tree of core and three plugins."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import scratch
from scratch import commit, git

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "releasing.md"
NAMES = ("anemoi-core", "anemoi-plugin-gnn", "anemoi-plugin-graphs", "anemoi-plugin-zarr")
HUB = "https://github.com/anemoi/"


def commands() -> list[str]:
    """Those that stand on lines of their own."""
    return re.findall(r"^    (\S.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def run(command: str, tree: Path) -> str:
    """Run a command in the tree, with a folder for the repositories on the web."""
    command = command.replace("tools/", f"{ROOT}/tools/").replace(HUB, f"{tree.parent}/hub/")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, **scratch.PERSON, "GIT_CONFIG_GLOBAL": os.devnull, "PATH": path}
    env["PIP_TARGET"] = str(tree.parent / "installed")
    done = subprocess.run(
        ["bash", "-c", command], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    assert not done.returncode, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def tree(tmp_path):
    tree = scratch.tree(tmp_path / "tree", [name.removeprefix("anemoi-plugin-") for name in NAMES[1:]])
    git(tmp_path, "clone", "--quiet", "--bare", "tree", "tree.git")
    git(tree, "remote", "add", "origin", "../tree.git")
    for name in NAMES:
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", f"hub/{name}.git")
    return tree


def test_the_steps_of_the_page(tree, tmp_path):
    splits, push, bring, release, again, push_again, install, install_set = commands()
    run(splits, tree)
    for name in NAMES:
        run(push.replace("anemoi-core", name), tree)

    # Somebody changes a plugin in its own repository.
    git(tmp_path, "clone", "--quiet", f"hub/{NAMES[-1]}.git", "clone")
    git(tmp_path / "clone", "checkout", "--quiet", "-b", "mend-chunks")
    change = {"src/anemoi_plugin_zarr/chunks.py": "SIZE = 1\n", "changes/chunks.fix.md": "Chunks are mended."}
    commit(tmp_path / "clone", "Mend chunks", change)
    git(tmp_path / "clone", "push", "--quiet", "origin", "mend-chunks")
    assert "Mend chunks" in run(bring, tree)

    # Core begins another line, which plugins follow; 0.1.0 has tags, and is in no index yet.
    commit(tree, "Break", {"core/changes/new.breaking.md": "Everything is new."})
    said = run(release, tree)
    assert [line.removesuffix(": released") for line in said.splitlines() if line.endswith("released")] == [
        f"{name} {version}" for version in ("0.1.0", "0.2.0") for name in NAMES
    ]
    run(again, tree)
    for name in NAMES:
        run(push_again.replace("anemoi-core", name), tree)
        repository = tmp_path / "hub" / f"{name}.git"
        assert git(repository, "tag").split() == ["v0.1.0", "v0.2.0"]
        assert git(repository, "rev-parse", "v0.2.0^{commit}") == git(repository, "rev-parse", "main")
        assert git(repository, "ls-tree", "--name-only", "main:.github/workflows") == "ci.yml"
    assert "- Chunks are mended." in git(repository, "show", "main:CHANGELOG.md")

    run(install, tree)
    run(install_set, tree)
    assert (tmp_path / "installed" / "anemoi_plugin_zarr" / "chunks.py").exists()
    assert len(list((tmp_path / "installed").glob("anemoi_*-0.2.0.dist-info"))) == 4
