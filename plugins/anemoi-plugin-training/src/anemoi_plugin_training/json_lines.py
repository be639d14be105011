"""The record of a run as files that anything can read."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from anemoi.core.files import write_whole
from anemoi.core.interfaces.tracker import Tracker

from .runs.record import FORMAT_VERSION, METRICS, RUN


class JsonLines(Tracker):
    """Keeps ``run.json`` (name, status, times, parameters, files) and ``metrics.jsonl`` (one line a step).

    Needs no service. Every line is on disk as soon as it is recorded. The format is that of docs/runs.md,
    which ``anemoi runs`` reads.
    """

    def __init__(self, *, directory: Path) -> None:
        self._directory = directory
        self._run: dict[str, Any] = {}
        self._began = time.monotonic()

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._run = {
            "format_version": FORMAT_VERSION,
            "run": run,
            "status": "running",
            "started": _now(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "artefacts": [],
            "parameters": parameters,
        }
        self._save()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        line = {"step": step, "seconds": round(time.monotonic() - self._began, 3), **values}
        with (self._directory / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def artefact(self, path: Path) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._run["artefacts"].append(path.name)
        self._save()

    def finish(self, status: str) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._run.update(status=status, finished=_now())
        self._save()

    def _save(self) -> None:
        write_whole(self._directory / RUN, (json.dumps(self._run, indent=2) + "\n").encode())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
