"""How long it takes from nothing to a plugin that keeps its contract.

In an environment that is made beforehand (the core, what the template needs, what the plugin requires), the
commands of a developer are timed one after another: `anemoi plugins new`, `pip install --editable` and
`anemoi plugins check`. The exit code is 1 if a check fails.

    OMP_NUM_THREADS=1 python benchmarks/template.py [--kind processor]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import environment


def timed(*words: str | Path, cwd: Path) -> tuple[float, str]:
    """The seconds that a command takes, and what it prints."""
    began = time.perf_counter()
    done = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return took, done.stdout


def main() -> None:
    """Print a line for each command, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="processor")
    kind = parser.parse_args().kind
    with tempfile.TemporaryDirectory(prefix="anemoi-template-") as name:
        folder = Path(name)
        needed = ["anemoi-core[template]", "hatchling", "editables", "pip"]
        python = environment.make(folder / "environment", needed)
        anemoi = [python, "-c", "import sys; from anemoi.core.cli import main; sys.exit(main())"]
        plugin = folder / "anemoi-plugin-mine"
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--editable",
            plugin,
        ]
        total = 0.0
        for label, words in (
            (f"anemoi plugins new {kind} mine", [*anemoi, "plugins", "new", kind, "mine"]),
            ("pip install --editable anemoi-plugin-mine", [python, *install]),
            ("anemoi plugins check anemoi-plugin-mine", [*anemoi, "plugins", "check", plugin.name, "--json"]),
        ):
            took, said = timed(*words, cwd=folder)
            total += took
            print(f"{took:8.1f} s  {label}", flush=True)
        counts: dict[str, int] = {}
        for result in json.loads(said):
            counts[result["status"]] = counts.get(result["status"], 0) + 1
        report = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"{total:8.1f} s  in all: {report}")


if __name__ == "__main__":
    main()
