"""Print which suites of tests a change can affect, as a JSON list of folders for a workflow.

python tools/changed_suites.py [BASE]

Those of each distribution that differs from the commit BASE, and of each that requires it, its tests included;
and ``tests``, which is about all of them. Without BASE, all suites.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def requirements(root: Path = ROOT) -> dict[str, set[str]]:
    """For each folder of a distribution the folders of those that it or its tests require."""
    folders, wanted = {}, {}
    for path in (root / "core", root / "meta-ci", *sorted(root.glob("plugins/*"))):
        project = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        folder = path.relative_to(root).as_posix()
        folders[project["name"]] = folder
        extras = project.get("optional-dependencies", {}).get("test", [])
        wanted[folder] = {
            re.split(r"[^A-Za-z0-9._-]", each)[0] for each in (*project["dependencies"], *extras)
        }
    return {folder: {folders[each] for each in names if each in folders} for folder, names in wanted.items()}


def affected(changed: Iterable[str], needs: Mapping[str, set[str]]) -> list[str]:
    """The folders whose suites changed files can matter to."""
    touched = {folder for folder in needs for path in changed if path.startswith(f"{folder}/")}
    while more := {folder for folder, wanted in needs.items() if wanted & touched} - touched:
        touched |= more
    return [*sorted(touched), "tests"]


def main() -> None:
    """Print the list."""
    needs = requirements()
    if len(sys.argv) == 1:
        print(json.dumps([*needs, "tests"]))
        return
    words = ["git", "diff", "--name-only", f"{sys.argv[1]}...HEAD"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Error: {done.stderr.strip()}")
    print(json.dumps(affected(done.stdout.splitlines(), needs)))


if __name__ == "__main__":
    main()
