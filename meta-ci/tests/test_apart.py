"""Core and plugins in repositories of their own, and on an index of one's own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MATRIX = f"""
version: 1
timeout: 60
indexes: [simple]
lines:
  new: {{core: {{git: "ROOT/anemoi-core", ref: main}}}}
  old:
    core: {{git: "ROOT/anemoi-core", ref: v1}}
    plugins: {{git: "ROOT/{{plugin}}", ref: v1}}
  older:
    core: {{git: "ROOT/anemoi-core", ref: v1}}
    plugins: {{index: "<2"}}
plugins:
  anemoi-plugin-moving: {{source: {{git: "ROOT/anemoi-plugin-moving", ref: main}}, tests: [import, own]}}
  anemoi-plugin-published: {{source: {{index: "<2"}}, tests: [import, own]}}
  anemoi-plugin-gone: {{source: {{git: "ROOT/nowhere", ref: main}}, tests: [import]}}
  anemoi-plugin-unborn: {{source: {{git: "ROOT/anemoi-plugin-moving", ref: v9}}, tests: [import]}}
  anemoi-plugin-misnamed: {{source: {{git: "ROOT/anemoi-plugin-moving", ref: main}}, tests: [import]}}
  anemoi-plugin-unbuilt: {{source: {{path: unbuilt}}, tests: [import]}}
legs:
  all: {{lines: [new], python: ["{PYTHON}"], smoke: true}}
smoke:
  plugins: [anemoi-plugin-moving, anemoi-plugin-published]
  write: [anemoi train]
  read: [anemoi forecast]
"""
CELL = f"new/py{PYTHON}/no-torch/highest/"


@pytest.fixture(scope="module")
def apart(world):
    """The world, with each distribution in a repository of its own or on the index."""
    root = world.root
    shutil.copytree(root / "core-1", root / "anemoi-core")
    commit(root / "anemoi-core", "One", tag="v1")
    world.core("anemoi-core", "2.0.0", news="'news'")
    commit(root / "anemoi-core", "Two")
    for name in ("moving", "published", "unbuilt"):
        world.plugin(f"anemoi-plugin-{name}")
        (root / f"plugins/anemoi-plugin-{name}").rename(root / f"anemoi-plugin-{name}")
    commit(root / "anemoi-plugin-moving", "One", tag="v1")
    commit(root / "anemoi-plugin-published", "Younger than the line old")
    publish(root, "1.0.0")
    broken = root / "anemoi-plugin-unbuilt"
    text = (broken / "pyproject.toml").read_text()
    (broken / "pyproject.toml").write_text(text.replace("[project]\n", '[project]\nreadme = "NOSUCH.md"\n'))
    broken.rename(root / "unbuilt")
    world.matrix(MATRIX.replace("ROOT", root.as_uri()))
    return world


def commit(folder, message, *, tag=""):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", message],
        *([["tag", tag]] if tag else []),
    ):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


def publish(root, version):
    """Put a wheel of the published plugin on the index, with this version."""
    project, page = root / "anemoi-plugin-published", root / "simple/anemoi-plugin-published"
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace('version = "1.0.0"', f'version = "{version}"'))
    words = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", str(project), "-w", str(page)]
    subprocess.run([sys.executable, *words], check=True)
    links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in page.glob("*.whl"))
    (page / "index.html").write_text(f"<!doctype html><html><body>{links}</body></html>")


def results(world):
    text = (world.root / ".meta-ci/results.json").read_text()
    return {each["id"].removeprefix(CELL): each for each in json.loads(text)["results"]}


def test_what_cannot_be_taken_is_red_and_the_rest_goes_on(apart):
    done = apart.run("run")
    assert done.returncode == 1, done.stdout + done.stderr
    found = results(apart)
    passed = {name for name, each in found.items() if each["state"] == "pass"}
    assert passed == {"anemoi-plugin-moving", "anemoi-plugin-published", "all"} | {
        f"{kind}-of-{line}" for kind in ("checkpoints", "plugins") for line in ("old", "older")
    }
    assert "nowhere cannot be fetched: fatal:" in found["anemoi-plugin-gone"]["reason"]
    assert "has no branch, tag or commit 'v9'" in found["anemoi-plugin-unborn"]["reason"]
    assert "a distribution that is called anemoi-plugin-moving" in found["anemoi-plugin-misnamed"]["reason"]
    unbuilt = found["anemoi-plugin-unbuilt"]["reason"]
    assert unbuilt == "its wheel does not build: OSError: Readme file does not exist: NOSUCH.md"
    [log] = (apart.root / ".meta-ci/logs").glob("*anemoi-plugin-unbuilt.log")
    assert "Traceback" in log.read_text()
    assert "no tests: its release has no sdist" in found["anemoi-plugin-published"]["reason"]


def test_what_has_moved_and_what_was_released_since_is_proved_at_the_next_run(apart):
    plugin = apart.root / "anemoi-plugin-moving"
    text = (plugin / "pyproject.toml").read_text()
    (plugin / "pyproject.toml").write_text(text.replace(":Component", ":Typo").replace("moving:", "moved:"))
    commit(plugin, "Break every entry point")
    publish(apart.root, "1.0.1")
    cells = ["--cell", "*/anemoi-plugin-moving", "--cell", "*/anemoi-plugin-published"]
    done = apart.run("run", *cells)
    assert done.returncode == 1, done.stdout
    found = results(apart)
    assert "anemoi_plugin_moved" in found["anemoi-plugin-moving"]["reason"]
    assert found["anemoi-plugin-published"]["state"] == "pass"
    assert not found["anemoi-plugin-published"]["cached"]
    assert "anemoi_plugin_published-1.0.1" in found["anemoi-plugin-published"]["lock"]


def test_the_first_bad_commit_of_a_core_that_is_elsewhere_is_found(apart):
    core = apart.root / "anemoi-core"
    good = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=core, text=True).strip()
    (core / "README.md").write_text("Harmless")
    commit(core, "Three")
    (core / "src/anemoi_core/__init__.py").write_text("")
    commit(core, "Four")
    bad = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=core, text=True).strip()
    done = apart.run("bisect", "anemoi-plugin-published", "--good", good)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == bad
    done = apart.run("bisect", "anemoi-plugin-published", "--good", "v8")
    assert done.returncode == 2
    assert "has no branch, tag or commit 'v8'" in done.stderr


SLOW = f"""
version: 1
indexes: [INDEX]
lines: {{new: {{core: {{path: core-2}}}}}}
plugins:
  anemoi-plugin-steady: {{source: {{path: plugins/anemoi-plugin-steady}}, tests: [import]}}
  anemoi-plugin-late: {{source: {{index: "<2"}}, tests: [import]}}
legs: {{all: {{lines: [new], python: ["{PYTHON}"]}}}}
"""


def test_an_index_that_is_slow_is_one_finding_and_the_rest_goes_on(world, slow):
    world.plugin("anemoi-plugin-steady")
    world.matrix(SLOW.replace("INDEX", slow.url))
    done = world.run("run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert slow.asked.wait(60)
    found = results(world)
    assert found["anemoi-plugin-steady"]["state"] == "pass"
    assert found["anemoi-plugin-late"]["state"] == "fail"
    assert found["anemoi-plugin-late"]["reason"] == f"the index {slow.url} has given no page in 1 s"
    assert done.stdout.count(f"The index {slow.url} has given no page in 1 s. What the matrix takes") == 1


TOGETHER = f"""
version: 1
lines:
  new: {{core: {{path: core-2}}}}
plugins:
  anemoi-plugin-left: {{source: {{path: plugins/anemoi-plugin-left}}, tests: [import]}}
  anemoi-plugin-right: {{source: {{path: plugins/anemoi-plugin-right}}, tests: [import]}}
  anemoi-plugin-third: {{source: {{path: plugins/anemoi-plugin-third}}, tests: [own]}}
legs:
  all: {{lines: [new], python: ["{PYTHON}"], smoke: true}}
smoke: {{plugins: [anemoi-plugin-left], write: [anemoi train], read: [anemoi forecast]}}
"""
STARTS = """
def test_it():
    import pathlib, subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    pathlib.Path({marker!r}).write_text(str(child.pid))
    child.wait()
"""


@pytest.fixture(scope="module")
def together(world, tmp_path_factory):
    """Two managed plugins that do not go together, two that offer one name, one that starts programs."""
    marker = tmp_path_factory.mktemp("started") / "child"
    core = "anemoi-core>=1"
    world.plugin("anemoi-plugin-left", requires=(core, "packaging<24"))
    world.plugin("anemoi-plugin-right", requires=(core, "packaging>=24"))
    world.plugin("anemoi-plugin-third", test=STARTS.format(marker=str(marker)))
    project = world.root / "plugins/anemoi-plugin-right/pyproject.toml"
    text = project.read_text().replace("anemoi_plugin_right =", "anemoi_plugin_left =")
    project.write_text(text)
    world.matrix(TOGETHER)
    return world, marker


def test_managed_ones_that_cannot_be_installed_together_or_share_a_name_are_red(together):
    world, _ = together
    done = world.run("run", "--cell", "*/all")
    assert done.returncode == 1, done.stdout
    assert "what is managed cannot be installed together" in done.stdout
    shared = "'anemoi_plugin_left' of anemoi.core.processors"
    assert f"Conflict: {shared} is offered by anemoi-plugin-left and by anemoi-plugin-right." in done.stdout
    assert results(world)["all"]["state"] == "fail"


def test_documentation_changes_no_cell(together):
    world, _ = together
    done = world.run("plan", "--changed", "docs/index.md")
    assert (done.returncode, done.stdout) == (0, "0 cells, 0 of them to run.\n")
    before = results(world)
    done = world.run("run", "--changed", "docs/index.md")
    assert (done.returncode, done.stdout) == (0, "No cell to run.\n")
    assert results(world) == before


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_run_that_is_terminated_leaves_nothing_running(together):
    world, marker = together
    program = "import sys; from anemoi_meta_ci.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "run", "--cell", "*/anemoi-plugin-third"]
    running = subprocess.Popen(words, cwd=world.root, stderr=subprocess.PIPE, text=True)
    while not marker.exists() or not marker.read_text():
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate()
    assert running.returncode == 130
    assert said.strip() == "Interrupted; what was through is kept."
    while runs(int(marker.read_text())):  # fails by never ending
        time.sleep(0.05)
    assert list((world.root / ".meta-ci").glob("cell-*")) == []
