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

    Needs no service. Every line is on disk as soon as it is recorded. When a run
    goes on, so does its record. The format is that of docs/runs.md,
    which ``anemoi runs`` reads.
    """

    def __init__(self, *, directory: Path) -> None:
        self._directory = directory
        self._run: dict[str, Any] = {}
        self._began = time.monotonic()
        self._resumed = False

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        earlier = self._earlier()
        self._run = {
            "format_version": FORMAT_VERSION,
            "run": run,
            "status": "running",
            "started": earlier.get("started", _now()),
            **({"resumed": [*earlier.get("resumed", ()), _now()]} if earlier else {}),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "artefacts": earlier.get("artefacts", []),
            "parameters": parameters,
        }
        self._resumed = bool(earlier)
        self._save()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        if self._resumed:
            self._forget_from(step)
            self._resumed = False
        line = {"step": step, "seconds": round(time.monotonic() - self._began, 3), **values}
        with (self._directory / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def artefact(self, path: Path) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        name = Path(os.path.relpath(path, self._directory)).as_posix()
        if name not in self._run["artefacts"]:
            self._run["artefacts"].append(name)
        self._save()

    def finish(self, status: str) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._run.update(status=status, finished=_now())
        self._save()

    def _earlier(self) -> dict[str, Any]:
        """The record of the run that goes on; empty for a new one."""
        try:
            return dict(json.loads((self._directory / RUN).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _forget_from(self, step: int) -> None:
        """Remove what was recorded after the state that the run goes on from, and a line without end."""
        path = self._directory / METRICS
        if not path.exists():
            return
        kept = [
            line
            for line in path.read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n") and json.loads(line)["step"] < step
        ]
        write_whole(path, *kept)
        if kept:
            self._began -= json.loads(kept[-1])["seconds"]

    def _save(self) -> None:
        write_whole(self._directory / RUN, (json.dumps(self._run, indent=2) + "\n").encode())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
