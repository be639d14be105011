"""Follow docs/catalogue.md from nothing to a plugin in the catalogue, word for word, and time it.

    python benchmarks/first_plugin.py

Everything is in a scratch directory: an environment of the author's, wheels of core and of what brings
``anemoi plugins new`` in the place of the package index, and an ecosystem that consists of a matrix, a
catalogue and an index. What is downloaded from the package index is in the caches of pip and uv after the first time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "catalogue.md"
SECTION = "## From nothing to the catalogue"
PUBLISHED = ("core", "meta-ci", "plugins/anemoi-plugin-layers", "plugins/anemoi-plugin-testing")
TORCH = "2.13.0"
ENTRY = "catalogue/anemoi-plugin-swirl.yaml"
MATRIX = """
version: 1
indexes: [index]
kit: anemoi-plugin-testing
lines: {{main: {{core: {{git: "{root}", ref: HEAD, subdirectory: core}}}}}}
legs: {{full: {{lines: [main], python: ["{python}"], torch: ["{torch}"]}}}}
plugins:
  anemoi-plugin-layers: {{source: {{git: "{root}", ref: HEAD, subdirectory: plugins/anemoi-plugin-layers}}}}
  anemoi-plugin-testing: {{source: {{git: "{root}", ref: HEAD, subdirectory: plugins/anemoi-plugin-testing}}}}
"""


def main() -> None:
    """Print the seconds of each command, and of all."""
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        environment = prepare(scratch)
        seconds = 0.0
        commands = section_commands()
        for command in commands:
            if "--check" in command:
                enter(scratch / "ecosystem")
            took, said = timed(command, scratch, environment)
            print(f"{took:6.1f} s  {command}", flush=True)
            seconds += took
    print(said)
    print(f"{len(commands)} lines of commands, {seconds / 60:.1f} minutes")


def prepare(scratch: Path) -> dict[str, str]:
    """Make the scratch ecosystem; the variables of the environment to run commands in."""
    wheels = scratch / "wheels"
    for folder in PUBLISHED:
        words = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels)
        subprocess.run([sys.executable, *words, ROOT / folder], check=True)
    venv.create(scratch / "author", with_pip=True)
    for folder in ("catalogue", "index"):
        (scratch / "ecosystem" / folder).mkdir(parents=True)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (scratch / "ecosystem/compat-matrix.yaml").write_text(
        MATRIX.format(root=ROOT, python=python, torch=TORCH)
    )
    person = {
        f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    places = {
        name: separator.join(filter(None, (str(wheels), os.environ.get(name))))
        for name, separator in (("PIP_FIND_LINKS", " "), ("UV_FIND_LINKS", ","))
    }
    path = f"{scratch / 'author' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # Without it pip would bring the newest build of torch, and gigabytes for a GPU with it.
    (scratch / "constraints.txt").write_text(f"torch=={TORCH}\n", encoding="utf-8")
    kept = dict.fromkeys(("PIP_CONSTRAINT", "UV_CONSTRAINT"), str(scratch / "constraints.txt"))
    return {**os.environ, **person, **places, **kept, "PATH": path}


def section_commands() -> list[str]:
    """The commands of the section, each on a line of its own."""
    section = PAGE.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    return re.findall(r"^    (\S.*)$", section, re.MULTILINE)


def enter(ecosystem: Path) -> None:
    """Write the entry and the line of the matrix that the page shows."""
    entry, line = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (ecosystem / ENTRY).write_text(entry, encoding="utf-8")
    with (ecosystem / "compat-matrix.yaml").open("a", encoding="utf-8") as matrix:
        matrix.write(line)


def timed(command: str, directory: Path, environment: Mapping[str, str]) -> tuple[float, str]:
    """Run a command; the seconds it took, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    main()
