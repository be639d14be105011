"""The records of runs, as the tracker ``jsonl`` leaves them: see docs/runs.md."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from anemoi.core.config.composition import leaves
from anemoi.core.errors import DataError

RUN = "run.json"
METRICS = "metrics.jsonl"
FORMAT_VERSION = 1

DEPTH = 3
"""How deep below a directory runs are looked for: `runs/experiment/run`."""

_SILENCE = timedelta(minutes=10)
"""A run on another machine that has recorded nothing for so long may be alive or dead."""

_TAIL = 65536
"""How many bytes of the metrics are read to find the last line."""


@dataclass(frozen=True)
class Metric:
    """What became of one metric along a run.

    Parameters
    ----------
    first, last
        Its first and its last value.
    least, least_step
        Its lowest value, and the step where it was reached first.
    """

    first: float
    last: float
    least: float
    least_step: int


@dataclass(frozen=True)
class Run:
    """The record of one run.

    Parameters
    ----------
    directory
        Where it is.
    record
        What ``run.json`` says.
    last
        The last whole line of ``metrics.jsonl``; empty if there is none.
    """

    directory: Path
    record: Mapping[str, Any]
    last: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.record["run"])

    @property
    def started(self) -> datetime:
        """When it began, in UTC."""
        return datetime.fromisoformat(self.record["started"]).astimezone(timezone.utc)

    @property
    def status(self) -> str:
        """How it is or ended.

        ``finished``, ``failed`` or ``interrupted``, as it recorded itself; without such an end ``running``,
        or ``killed`` if its process is gone, or ``unknown`` if that was on another machine, and silent.
        """
        status = str(self.record["status"])
        if status != "running":
            return status
        if self.record["host"] == socket.gethostname():
            return "running" if _alive(int(self.record["process"])) else "killed"
        return "running" if datetime.now(timezone.utc) - self.heard < _SILENCE else "unknown"

    @property
    def heard(self) -> datetime:
        """When it last recorded something, in UTC."""
        files = (self.directory / name for name in (RUN, METRICS))
        newest = max(file.stat().st_mtime for file in files if file.exists())
        return datetime.fromtimestamp(newest, timezone.utc)

    @property
    def duration(self) -> timedelta:
        """How long it took, or has taken until now, or until it was last heard of."""
        if "finished" in self.record:
            end = datetime.fromisoformat(self.record["finished"])
        else:
            end = datetime.now(timezone.utc) if self.status == "running" else self.heard
        return max(end - self.started, timedelta(0))

    @property
    def step(self) -> int:
        """The last optimisation step that it recorded; 0 if there is none."""
        return int(self.last.get("step", 0))

    @property
    def steps(self) -> int | None:
        """How many optimisation steps it was to take, if it says so."""
        steps = self.record["parameters"].get("values", {}).get("training", {}).get("steps")
        return steps if isinstance(steps, int) else None

    @property
    def overrides(self) -> list[str]:
        """What the command line said, word by word."""
        return [str(word) for word in self.record["parameters"].get("overrides", ())]

    @property
    def parameters(self) -> dict[str, Any]:
        """Every value of the configuration, by its dotted key."""
        return dict(leaves(self.record["parameters"].get("values", {})))

    @property
    def checkpoint(self) -> Path | None:
        """The last checkpoint that it recorded and that is still there."""
        files = (self.directory / name for name in reversed(self.record["artefacts"]))
        return next((file for file in files if file.suffix == ".safetensors" and file.is_file()), None)

    def metrics(self) -> dict[str, Metric]:
        """What became of each metric.

        Raises
        ------
        DataError
            If a line is damaged.
        """
        found: dict[str, Metric] = {}
        for line in _lines(self.directory / METRICS):
            for name, value in line.items():
                if name not in ("step", "seconds"):
                    known = found.get(name, Metric(value, value, value, line["step"]))
                    least = (value, line["step"]) if value < known.least else (known.least, known.least_step)
                    found[name] = Metric(known.first, value, *least)
        return found


def read(directory: Path) -> Run:
    """Read the record of the run in a directory.

    Raises
    ------
    DataError
        If there is none, or it is damaged, or in a newer format.
    """
    path = directory / RUN
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if (version := record["format_version"]) > FORMAT_VERSION:
            raise DataError(
                f"{path} is in format {version}, and {FORMAT_VERSION} is the newest known here.",
                fix="pip install --upgrade anemoi-plugin-training",
            )
        run = Run(directory, record, _last(directory / METRICS))
        _ = (run.name, run.status, run.duration, run.step, run.steps, run.parameters, run.checkpoint)
        return run
    except FileNotFoundError as error:
        raise DataError(f"{directory} holds no record of a run: there is no {path.name}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged, or was not written by Anemoi: {error!r}") from error


def find(directory: Path) -> tuple[list[Run], list[DataError]]:
    """Read every run in a directory and up to :data:`DEPTH` levels below it, oldest first.

    Hidden directories, virtual environments and Zarr stores are not looked into.

    Returns
    -------
    runs
        Those that can be read.
    faults
        What is wrong with the others: one damaged run hides no other.

    Raises
    ------
    DataError
        If there is no such directory, or no run in it.
    """
    if not directory.is_dir():
        raise DataError(f"There is no directory {directory}.", fix="Give the directory that holds the runs.")
    runs, faults = [], []
    for each in _directories(directory, DEPTH):
        if (each / RUN).exists():
            try:
                runs.append(read(each))
            except DataError as error:
                faults.append(error)
    if not runs and not faults:
        raise DataError(
            f"There is no run in {directory.resolve()}: no directory up to {DEPTH} levels below it holds "
            f"{RUN}.",
            fix="Give the directory that holds the runs (the --output of `anemoi train`, or one above it); "
            "the tracker jsonl leaves a record in each.",
        )
    return sorted(runs, key=lambda run: run.started), faults


def _directories(directory: Path, depth: int) -> Iterator[Path]:
    """A directory and those below it, down to ``depth`` levels, in order of their names."""
    yield directory
    if depth == 0 or directory.suffix == ".zarr" or (directory / "pyvenv.cfg").exists():
        return
    try:
        inside = sorted(each.name for each in os.scandir(directory) if each.is_dir(follow_symlinks=False))
    except PermissionError:
        return
    for name in inside:
        if not name.startswith("."):
            yield from _directories(directory / name, depth - 1)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Each line of the metrics, but for a last one that was not written to its end."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _parsed(line, f"{path}:{number}")


def _last(path: Path) -> dict[str, Any]:
    """The last whole line of the metrics."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        whole = file.read().rpartition(b"\n")[0]
    line = whole.rpartition(b"\n")[2]
    return _parsed(line, str(path)) if line else {}


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
        if isinstance(values["step"], int) and all(
            isinstance(value, (int, float)) for value in values.values()
        ):
            return dict(values)
        raise TypeError("not numbers by name")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} is damaged: {error!r}") from error


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # It is someone else's, so it is there.
        return True
    return True
