"""``anemoi train`` with a stopwatch for the parts of its steps: ``python training_parts.py FILE WORDS...``.

Each step becomes a line of FILE: the seconds of each part, and of all until the next step begins. What is in no part
is the rest: progress, record, callbacks. Nothing else of the command is changed, and no profiler runs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHOLE = "step"


class Stopwatch:
    """Writes the parts of each step when the next begins, with waiting for its data."""

    def __init__(self, path: Path, first: str) -> None:
        self._file, self._first = path.open("w"), first
        self._began, self._parts = 0.0, dict[str, float]()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Stands for :func:`anemoi_plugin_training.parts.part`."""
        began = time.perf_counter()
        if name == self._first:
            if self._parts:
                self._file.write(json.dumps({**self._parts, WHOLE: began - self._began}) + "\n")
                self._file.flush()
            self._began, self._parts = began, {}
        yield
        self._parts[name] = self._parts.get(name, 0.0) + time.perf_counter() - began


def medians(path: Path, uncounted: int) -> dict[str, float]:
    """The median of each part over the steps after the first, in seconds; the rest, and the whole step."""
    steps = [json.loads(line) for line in path.read_text().splitlines()][uncounted:]
    for step in steps:
        step["rest"] = step[WHOLE] - sum(seconds for name, seconds in step.items() if name != WHOLE)
    names = [*(name for name in steps[0] if name != WHOLE), WHOLE]
    return {name: statistics.median(step[name] for step in steps) for name in names}


def table(seconds: dict[str, float]) -> str:
    """The parts in milliseconds and as shares of the step."""
    whole = seconds[WHOLE]
    return "\n".join(
        f"  {name:24} {1000 * each:9.1f} ms {each / whole:7.1%}" for name, each in seconds.items()
    )


if __name__ == "__main__":
    from anemoi.core.cli import main
    from anemoi_plugin_training import loop, parts

    loop.part = Stopwatch(Path(sys.argv[1]), parts.DATA).part
    sys.exit(main(sys.argv[2:]))
