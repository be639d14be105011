"""A small tree of distributions, made for a test: a core and plugins without dependencies of others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
requires-python = ">=3.10"
dependencies = [{requires}]

[project.entry-points."anemoi.core.processors"]
{module} = "{module}:name"

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""

PERSON = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def git(repository: Path, *words: str, **environment: str) -> str:
    """What git prints, as Ada, whatever is configured on this machine."""
    env = {**os.environ, **PERSON, "GIT_CONFIG_GLOBAL": os.devnull, **environment}
    done = subprocess.run(
        ["git", *words], cwd=repository, env=env, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def write(root: Path, files: dict[str, str]) -> None:
    """Write files."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def commit(root: Path, message: str, files: dict[str, str] | None = None, **environment: str) -> str:
    """Write files and commit all there is."""
    write(root, files or {})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", message, **environment)
    return git(root, "rev-parse", "HEAD")


def distribution(name: str, version: str, requires: str = "", *, says: str = "") -> dict[str, str]:
    """The files of a distribution."""
    module = name.replace("-", "_")
    listed = f'"{requires}"' if requires else ""
    return {
        "pyproject.toml": PROJECT.format(name=name, version=version, requires=listed, module=module),
        f"src/{module}/__init__.py": f"{requires and 'import anemoi_core'}\nname = {says or name!r}\n",
        "CHANGELOG.md": f"# Changelog\n\n## {version}\n\n- The first.\n",
        ".github/workflows/ci.yml": f"name: {name}\n",
    }


def tree(root: Path, plugins: Sequence[str]) -> Path:
    """A tree of core and plugins, all released as 0.1.0, with one commit for each."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "Begin", {"README.md": "The tree.\n"})
    folders = {"core": distribution("anemoi-core", "0.1.0")}
    for name in plugins:
        name = f"anemoi-plugin-{name}"
        folders[f"plugins/{name}"] = distribution(name, "0.1.0", "anemoi-core>=0.1,<0.2")
    for folder, files in folders.items():
        commit(root, f"Add {folder}", {f"{folder}/{path}": text for path, text in files.items()})
    for folder in folders:
        git(root, "tag", f"{'anemoi-core' if folder == 'core' else folder[8:]}/v0.1.0")
    return root
