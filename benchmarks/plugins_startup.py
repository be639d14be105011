"""How long the command line takes to start, by how many distributions are installed.

Prints the median time of whole processes: Python alone, ``anemoi --version`` and ``anemoi --help``, in
turns, so that a busy machine slows all three alike; ``anemoi plugins list`` with 10 to 1000 distributions
on the path (a sixth of them plugins, with components of core's kinds, or of kinds that a fifth of the
plugins declare); and, for comparison, a loop that imports every plugin to list it, where each imports
numpy as a plugin would.

    python benchmarks/plugins_startup.py [--repeats N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ANEMOI = "import sys; from anemoi.core.cli import main; sys.exit(main())"
EAGER = """
from importlib_metadata import entry_points
for point in entry_points():
    if point.group.startswith("anemoi.core."):
        try:
            print(point.name, point.load())
        except BaseException as error:
            print(point.name, error)
"""


def write_distributions(folder: Path, number: int, *, open_kinds: bool = False) -> None:
    """Write the metadata of ``number`` distributions; every sixth offers two components and has a module.

    With ``open_kinds`` every fifth of those declares a kind, and they offer components of these kinds.
    """
    for index in range(number):
        info = folder / f"invented_{index}-1.0.dist-info"
        info.mkdir()
        description = "A description as long as they are.\n" * 100
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: invented-{index}\nVersion: 1.0\n"
            f"Requires-Dist: anemoi-core>=0.1\nRequires-Dist: numpy>=1.26\n\n{description}"
        )
        if index % 6 == 0:
            group = f"kind_{index - index % 30}s" if open_kinds else "trackers"
            declared = f"[anemoi.core.kinds]\nkind_{index} = invented_{index}:KIND\n"
            (info / "entry_points.txt").write_text(
                f"[anemoi.core.{group}]\ntracker-{index} = invented_{index}:Tracker\n"
                f"[anemoi.core.commands]\ndo-{index} = invented_{index}:command\n"
                + (declared if open_kinds and index % 30 == 0 else "")
            )
            (folder / f"invented_{index}.py").write_text(
                "import click\nimport numpy\nfrom anemoi.core.plugins import Kind\n\n"
                f"KIND = Kind(name='kind_{index}')\nclass Loss: ...\n\n@click.command()\ndef command(): ...\n"
            )
        elif index % 6 == 1:
            (info / "entry_points.txt").write_text(f"[console_scripts]\ninvented-{index} = invented:main\n")


def seconds(command: list[str], environment: Mapping[str, str], repeats: int) -> list[float]:
    """The wall time of each of ``repeats`` runs of a command, after one to warm the caches."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(
            command,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        times.append(time.perf_counter() - began)
    return times[1:]


def in_turns(commands: Mapping[str, list[str]], repeats: int) -> dict[str, list[float]]:
    """The wall times of several commands, one after another, ``repeats`` times over."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            times[name] += seconds(command, os.environ, 1)
    return times


def report(what: str, times: list[float]) -> None:
    """Print the median, and the range."""
    print(
        f"{what:<46}{statistics.median(times):8.3f}  ({min(times):.3f} to {max(times):.3f})",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the start-up of the command line.")
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats

    def python(code: str, *arguments: str, path: str = "") -> list[float]:
        environment = {**os.environ, "PYTHONPATH": path}
        return seconds([sys.executable, "-c", code, *arguments], environment, repeats)

    print(f"{'seconds of the whole process':<46}{'median':>8}  (range of {repeats})")
    starts = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "anemoi --version": [sys.executable, "-c", ANEMOI, "--version"],
        "anemoi --help": [sys.executable, "-c", ANEMOI, "--help"],
    }
    for name, times in in_turns(starts, repeats).items():
        report(name, times)
    for number in (10, 100, 300, 1000):
        with tempfile.TemporaryDirectory() as folder:
            write_distributions(Path(folder), number, open_kinds=True)
            listing = python(ANEMOI, "plugins", "list", path=folder)
            report(f"anemoi plugins list, {number}, open kinds", listing)
        with tempfile.TemporaryDirectory() as folder:
            write_distributions(Path(folder), number)
            listing = python(ANEMOI, "plugins", "list", path=folder)
            report(f"anemoi plugins list, {number} distributions", listing)
            report(
                f"importing every plugin, {number} distributions",
                python(EAGER, path=folder),
            )


if __name__ == "__main__":
    main()
