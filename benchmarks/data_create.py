"""How long it takes to make a data set, beside ``anemoi-datasets create``.

    python benchmarks/data_create.py [--points 40000] [--variables 20] [--megabytes 600] [--rounds 3]
        [--peer PYTHON]

PYTHON is that of the environment that ``benchmarks/data.py`` tells how to make. Both make a data set of the
same dates of one that is there, with statistics over all of them, as whole commands that take turns. Prints
the median seconds of all rounds, the median of the ratios in each, and the sizes of what was made.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import data
import numpy as np

RECIPE = """
dates: {{start: 2000-01-01T00:00:00, end: {end}, frequency: 6h}}
input: {{anemoi-dataset: {{dataset: {source}}}}}
statistics: {{start: 2000-01-01T00:00:00, end: {end}}}
"""


def main() -> None:
    """Make the input, let both make a data set of it in turns, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=40_000)
    parser.add_argument("--variables", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", type=Path, default=data.PEER)
    chosen = parser.parse_args()
    if not chosen.peer.exists():
        sys.exit(f"{chosen.peer} is not there: see benchmarks/data.py --help for how to make it.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = folder / "input.zarr"
        dates = data.make(source, chosen.points, chosen.variables, 1e6 * chosen.megabytes)
        (folder / "recipe.yaml").write_text(RECIPE.format(end=_last(dates), source=source))
        commands = {
            "ours": [Path(sys.executable).with_name("anemoi"), "data", "create", source, folder / "ours.zarr"],
            "theirs": [
                chosen.peer.with_name("anemoi-datasets"), "create", folder / "recipe.yaml", folder / "theirs.zarr",
            ],
        }  # fmt: skip
        seconds: dict[str, list[float]] = {who: [] for who in commands}
        for _ in range(chosen.rounds):
            for who, command in commands.items():
                seconds[who].append(_run(command, "--overwrite"))
        for who, each in seconds.items():
            made = sum(file.stat().st_size for file in (folder / f"{who}.zarr").rglob("*") if file.is_file())
            print(f"{who:6} {statistics.median(each):6.1f} s  {made / 1e6:6.0f} MB")
    ratio = statistics.median(b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True))
    print(f"{dates} dates, {chosen.points} points, {chosen.variables} variables: {ratio:.2f} times as fast")


def _last(dates: int) -> str:
    return str(np.datetime64("2000-01-01T00", "s") + (dates - 1) * np.timedelta64(6, "h"))


def _run(command: list[object], *more: str) -> float:
    start = time.perf_counter()
    done = subprocess.run([*map(str, command), *more], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
