"""The tracker ``{{ cookiecutter.name }}``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core.interfaces import Tracker

METRICS = "metrics.csv"


class {{ cookiecutter.__class }}(Tracker):
    """Keeps the metrics of a run in ``metrics.csv``, which any spreadsheet opens.

    There is one line for each metric at each step (``step,metric,value``), so that metrics may come and go.
    Every line is on disk as soon as it is recorded.

    Parameters
    ----------
    directory
        As for every :class:`~anemoi.core.interfaces.tracker.Tracker`.
    every
        Only the steps that are multiples of this are recorded.
    """

    def __init__(self, *, directory: Path, every: int = 1) -> None:
        self._path = directory / METRICS
        self._every = every

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._write([("step", "metric", "value")])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        if step % self._every == 0:
            self._write([(step, name, float(value)) for name, value in values.items()])

    def artefact(self, path: Path) -> None:
        """Nothing: artefacts lie in the directory of the run already."""

    def finish(self, status: str) -> None:
        """Nothing: every line is written already."""

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
