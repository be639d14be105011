"""A set that is published is one that others can install, and build again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anemoi_meta_ci.house import Wheelhouse
from anemoi_meta_ci.matrix import Source

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MATRIX = f"""
version: 1
lines: {{new: {{core: {{path: core-2}}}}}}
plugins: {{anemoi-plugin-one: {{source: {{path: plugins/anemoi-plugin-one}}, tests: [import]}}}}
legs: {{all: {{lines: [new], python: ["{PYTHON}"], smoke: true}}}}
smoke: {{write: [anemoi train], read: [anemoi forecast]}}
"""
GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")


@pytest.mark.parametrize("backend", ["hatchling.build", "setuptools.build_meta"])
def test_the_same_files_make_the_same_wheel(tmp_path, backend):
    hashes = set()
    for place in ("here", "there"):
        project = tmp_path / place / "project"
        (project / "src/made").mkdir(parents=True)
        (project / "src/made/__init__.py").write_text("")
        (project / "pyproject.toml").write_text(
            f'[build-system]\nrequires = ["{backend.partition(".")[0]}"]\nbuild-backend = "{backend}"\n'
            '[project]\nname = "made"\nversion = "1"\n'
            '[tool.hatch.build.targets.wheel]\npackages = ["src/made"]\n'
        )
        if place == "there":
            subprocess.run(["touch", "-d", "2001-01-01", *project.rglob("*")], check=True)
        house = Wheelhouse(tmp_path, tmp_path / place / "work")
        hashes.add(house.wheel("made", Source(path=f"{place}/project")).sha256)
    assert len(hashes) == 1


def test_a_published_set_has_its_wheels_beside_it_and_names_their_commit(world, tmp_path):
    world.plugin("anemoi-plugin-one")
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "One"]):
        subprocess.run([*GIT, *words], cwd=world.root, check=True)
    world.matrix(MATRIX)
    done = world.run("run")
    assert done.returncode == 0, done.stdout
    done = world.run("constraints", "new", "--output", tmp_path / "set" / "good.txt")
    assert done.returncode == 0, done.stderr
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=world.root, text=True).strip()
    pins = (tmp_path / "set/good.txt").read_text().splitlines()[1:3]
    assert [pin.split(" ")[0] for pin in pins] == [
        f"anemoi-core==2.0.0+g{commit[:8]}",
        f"anemoi-plugin-one==1.0.0+g{commit[:8]}",
    ]
    assert all(pin.endswith(f"# commit {commit}") for pin in pins)
    installs = ["-m", "pip", "install", "-q", "--no-index", "--find-links", str(tmp_path / "set/wheels")]
    words = ["--require-hashes", "--target", str(tmp_path / "there"), "-r", str(tmp_path / "set/good.txt")]
    subprocess.run([sys.executable, *installs, *words], check=True)
    assert (tmp_path / "there/anemoi_plugin_one").is_dir()
