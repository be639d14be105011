"""The commands of docs/releasing.md, word for word, on a scratch tree of core and three plugins.

Then a centre of its own proves a plugin made from the template beside what was released.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder in which the steps of the page were done, and what three of them said."""
    root = tmp_path_factory.mktemp("released")
    tree = scratch.tree(root / "tree", [name.removeprefix("anemoi-plugin-") for name in NAMES[1:]])
    git(root, "clone", "--quiet", "--bare", "tree", "tree.git")
    git(tree, "remote", "add", "origin", "../tree.git")
    for name in NAMES:
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", f"hub/{name}.git")

    splits, push, bring, release, again, push_again, install, install_set = commands()
    run(splits, tree)
    for name in NAMES:
        run(push.replace("anemoi-core", name), tree)

    # Somebody changes a plugin in its own repository.
    git(root, "clone", "--quiet", f"hub/{NAMES[-1]}.git", "clone")
    git(root / "clone", "checkout", "--quiet", "-b", "mend-chunks")
    change = {"src/anemoi_plugin_zarr/chunks.py": "SIZE = 1\n", "changes/chunks.fix.md": "Chunks are mended."}
    commit(root / "clone", "Mend chunks", change)
    git(root / "clone", "push", "--quiet", "origin", "mend-chunks")
    brought = run(bring, tree)

    # Core begins another line, which plugins follow; 0.1.0 has tags, and is in no index yet.
    commit(tree, "Break", {"core/changes/new.breaking.md": "Everything is new."})
    released = run(release, tree)
    run(again, tree)
    for name in NAMES:
        run(push_again.replace("anemoi-core", name), tree)
    run(install, tree)
    run(install_set, tree)
    return root, brought, released


def test_the_steps_of_the_page(done):
    root, brought, released = done
    assert "Mend chunks" in brought
    said = [line.removesuffix(": released") for line in released.splitlines() if line.endswith("released")]
    assert said == [f"{name} {version}" for version in ("0.1.0", "0.2.0") for name in NAMES]
    for name in NAMES:
        repository = root / "hub" / f"{name}.git"
        assert git(repository, "tag").split() == ["v0.1.0", "v0.2.0"]
        assert git(repository, "rev-parse", "v0.2.0^{commit}") == git(repository, "rev-parse", "main")
        assert git(repository, "ls-tree", "--name-only", "main:.github/workflows") == "ci.yml"
    assert "- Chunks are mended." in git(repository, "show", "main:CHANGELOG.md")
    assert (root / "installed" / "anemoi_plugin_zarr" / "chunks.py").exists()
    assert len(list((root / "installed").glob("anemoi_*-0.2.0.dist-info"))) == 4


PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MATRIX = f"""
version: 1
indexes: ["INDEX"]
lines:
  "0.2": {{core: {{index: ">=0.2,<0.3"}}}}
  "0.1": {{core: {{index: ">=0.1,<0.2"}}}}
plugins:
  anemoi-plugin-gnn: {{source: {{index: ">=0.1,<0.3"}}, tests: [import]}}
  anemoi-plugin-graphs: {{source: {{git: "HUB/anemoi-plugin-graphs.git", ref: main}}, tests: [import]}}
  anemoi-plugin-zarr: {{source: {{git: "HUB/anemoi-plugin-zarr.git", ref: v0.1.0}}, tests: [import], tier: watched}}
  anemoi-plugin-ours: {{source: {{git: "HUB/anemoi-plugin-ours.git", ref: main}}, tests: [import]}}
legs:
  ours: {{lines: ["0.2", "0.1"], python: ["{PYTHON}"]}}
  set: {{lines: ["0.2"], python: ["{PYTHON}"], plugins: [anemoi-plugin-ours], smoke: true}}
smoke:
  write: ["python -c 'import anemoi_plugin_gnn, anemoi_plugin_graphs, anemoi_plugin_ours'"]
  read: ["python -c 'import anemoi_core'"]
"""


@pytest.fixture
def index(done):
    """The address of the index that the release filled, on loopback."""
    handler = functools.partial(Quiet, directory=done[0] / "index")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def test_a_centre_proves_its_plugin_beside_what_was_released(done, index, tmp_path):
    hub = done[0] / "hub"
    folder = tmp_path / "centre"
    folder.mkdir()
    run("anemoi plugins new command ours --owner centre --licence MIT", folder)
    plugin = folder / "anemoi-plugin-ours"
    project = (plugin / "pyproject.toml").read_text(encoding="utf-8")
    requires = re.sub(r'"anemoi-core>=[^"]+"', '"anemoi-core>=0.2,<0.3"', project)
    git(plugin, "init", "--quiet", "--initial-branch=main")
    made = commit(plugin, "Begin", {"pyproject.toml": requires})
    git(folder, "clone", "--quiet", "--bare", "anemoi-plugin-ours", str(hub / "anemoi-plugin-ours.git"))
    text = MATRIX.replace("INDEX", index).replace("HUB", hub.as_uri())
    (folder / "compat-matrix.yaml").write_text(text, encoding="utf-8")

    for step in workflow_of_a_centre():
        run(step, folder)
    results = json.loads((folder / ".meta-ci" / "results.json").read_text(encoding="utf-8"))
    assert results["cores"] == {"0.2": "0.2.0", "0.1": "0.1.0"}
    states = {(each["environment"][:3], each["subject"][14:]): each["state"] for each in results["results"]}
    other = "declared-incompatible"
    assert states == {
        **{("0.2", name): "pass" for name in ("gnn", "graphs", "ours")},
        **{("0.1", name): other for name in ("gnn", "graphs", "ours")},
        ("0.2", ""): "pass",  # all together
        ("0.2", "zarr"): other,
        ("0.1", "zarr"): "pass",
    }
    known_good = (folder / "compatibility" / "known-good-0.2.txt").read_text(encoding="utf-8")
    for pin in (
        "core==0.2.0",
        "plugin-gnn==0.2.0",
        "plugin-graphs==0.2.0",
        f"plugin-ours==0.1.0+g{made[:8]}",
    ):
        assert f"anemoi-{pin} " in known_good
    assert "anemoi-plugin-ours" in (folder / "compatibility" / "summary.md").read_text(encoding="utf-8")


def workflow_of_a_centre() -> list[str]:
    """The commands of meta-CI in the workflow that docs/meta-ci.md gives to a centre."""
    text = (ROOT / "docs" / "meta-ci.md").read_text(encoding="utf-8")
    return re.findall(r"^ +(?:- )?(?:- )?run: (anemoi-meta-ci .+)$", text, re.MULTILINE)
