"""Time the meta-CI: plans of a thousand cells and of our whole matrix, and cells a minute.

    python benchmarks/meta_ci.py [--cells 1000] [--repeats 3] [--plans]

The thousand cells are of small distributions made for it, so that it is the planning that is measured. The cells
that are run are those of ``make small-matrix``. Cold means that meta-CI has nothing built or resolved; uv has its
cache of what is on the index.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CELLS = ("*/no-torch/*", "main/*/highest/all", "*/highest/checkpoints-of-*", "*/highest/plugins-of-*")
SMALL = [word for pattern in CELLS for word in ("--cell", pattern)]
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "1.0.0"
requires-python = ">=3.10"
dependencies = [{requires}]
[tool.hatch.build.targets.wheel]
bypass-selection = true
"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plans", action="store_true", help="Plan, and run no cells.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, made = Path(temporary), Path(temporary) / "synthetic"
        planned = synthetic(made, options.cells)
        first, again = [], []
        for _ in range(options.repeats):
            shutil.rmtree(made / ".meta-ci", ignore_errors=True)
            first.append(meta_ci(made, "plan"))
            again.append(meta_ci(made, "plan"))
        print(
            f"plan of {planned} cells, nothing built or resolved: {median(first)}; all there: {median(again)}"
        )
        work = ["--matrix", ROOT / "compat-matrix.yaml", "--folder", folder / "work"]
        before = processor_time()
        first = [meta_ci(ROOT, *work, "plan")]
        used = processor_time() - before
        again = [meta_ci(ROOT, *work, "plan") for _ in range(options.repeats)]
        print(f"plan of the whole matrix, cold: {median(first)}; unchanged: {median(again)}")
        print(f"processor time of the cold one: {used:.0f} s")
        print(f"processes that wanted to run meanwhile: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
        if options.plans:
            return
        shutil.rmtree(folder / "work")
        cold = meta_ci(ROOT, *work, "run", *SMALL)
        cells = len(list((folder / "work" / "results").glob("*.json")))
        unchanged = [meta_ci(ROOT, *work, "run", *SMALL) for _ in range(options.repeats)]
    print(f"{cells} cells, cold: {cold:.0f} s, {60 * cells / cold:.1f} cells/min")
    rate = 60 * cells / statistics.median(unchanged)
    print(f"{cells} cells, nothing changed: {median(unchanged)}, {rate:.0f} cells/min")


def median(seconds: list[float]) -> str:
    """The median, and how far apart the runs were."""
    return f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


def processor_time() -> float:
    """Seconds that the commands so far, and all that they started, have used: whoever else was busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def synthetic(folder: Path, cells: int) -> int:
    """A matrix of about so many cells: 20 plugins, all of which require the first."""
    plugins = [f"anemoi-plugin-made-{number}" for number in range(20)]
    distribution(folder / "core", "anemoi-core", [])
    for name in plugins:
        distribution(folder / name, name, ["anemoi-core>=1,<2", *(plugins[:1] if name != plugins[0] else ())])
    lines = [f"line{number}" for number in range(max(1, cells // (20 * 4 * 2)))]
    text = ["version: 1", "lines:", *(f"  {line}: {{core: {{path: core}}}}" for line in lines), "plugins:"]
    text += [f"  {name}: {{source: {{path: {name}}}}}" for name in plugins]
    text += [
        "legs:",
        "  all:",
        f"    lines: [{', '.join(lines)}]",
        '    python: ["3.10", "3.11", "3.12", "3.13"]',
        "    resolution: [highest, lowest-direct]",
    ]
    (folder / "compat-matrix.yaml").write_text("\n".join(text), encoding="utf-8")
    return len(lines) * 4 * 2 * 20


def distribution(folder: Path, name: str, requires: list[str]) -> None:
    """A distribution of nothing but metadata."""
    folder.mkdir(parents=True)
    listed = ", ".join(f'"{each}"' for each in requires)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, requires=listed), encoding="utf-8")


def meta_ci(directory: Path, *words: object) -> float:
    """Run a command; the seconds it took."""
    program = "import sys; from anemoi_meta_ci.cli import main; sys.exit(main())"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=directory,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
