"""How fast a model trains and forecasts, and how much memory that takes, on the data set ``sample``.

Prints the median of repeats for the configuration that ``anemoi train`` begins with, or for one
that overrides change. Each figure is measured in a process of its own.

    python benchmarks/model.py [OVERRIDES]... [--repeats N]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 12
WARM_UP = 4


def train(overrides: list[str]) -> None:
    """Print samples per second, and megabytes at the peak and before training."""
    from anemoi.core.config import compose
    from anemoi_plugin_training import prepare

    training = prepare(compose("train", [f"training.steps={STEPS}", "training.rollout_steps=0", *overrides]))
    before = _peak()
    times: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        training.run(
            Path(directory),
            on_step=lambda step, loss: times.append(time.perf_counter()),
        )
    batch = training.settings.training.batch_size
    print(batch * (STEPS - WARM_UP) / (times[-1] - times[WARM_UP - 1]), _peak(), before)


def forecast(overrides: list[str]) -> None:
    """Print forecast steps per second, and megabytes at the peak and before the forecast."""
    import anemoi.core
    from anemoi_plugin_sample_data import Sample
    from anemoi_plugin_training import train

    with tempfile.TemporaryDirectory() as directory:
        words = ["training.steps=1", "training.rollout_steps=0", *overrides]
        path = train(*words, output=directory)
        before = _peak()
        times = [
            time.perf_counter() for _ in anemoi.core.forecast(path, Sample(), "2025-12-20", f"{6 * STEPS}h")
        ]
    print((STEPS - WARM_UP) / (times[-1] - times[WARM_UP - 1]), _peak(), before)


def _peak() -> float:
    scale = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def main() -> None:
    """Measure each in fresh processes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the configuration, as for anemoi train")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["train", "forecast"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        {"train": train, "forecast": forecast}[arguments.only](arguments.overrides)
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    print(f"{'':24}{'median':>10}{'range':>18}{'peak memory':>14}{'before it':>12}")
    for what, unit in (("train", "samples/s"), ("forecast", "steps/s")):
        command = [sys.executable, __file__, "--only", what, *arguments.overrides]
        rows = []
        for _ in range(arguments.repeats):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append([float(word) for word in done.stdout.split()[-3:]])
        rates, peaks, before = zip(*rows, strict=True)
        spread = f"{min(rates):.2f} to {max(rates):.2f}"
        print(
            f"{f'{what}, {unit}':24}{statistics.median(rates):>10.2f}{spread:>18}"
            f"{statistics.median(peaks):>11.0f} MB{statistics.median(before):>9.0f} MB"
        )


if __name__ == "__main__":
    main()
