"""The checks of trackers."""

from __future__ import annotations

import copy
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.interfaces.tracker import Tracker

from ._bystanders import METRICS, PARAMETERS, PROMPT, require_process_left_alone
from ._check import Check, Subject, contract, require
from ._options import from_configuration, options_are_declared, require_built

PATIENCE = 30.0
"""Seconds that a tracker may take to deliver what it has not delivered yet, when the run is over."""

RECORDS = ("builds", "records_a_run")


def _run(
    subject: Subject,
    folder: Path,
    *,
    status: str = "finished",
    parameters: Any = None,
    metrics: dict[str, float] | None = None,
) -> None:
    """A whole run in ``folder``."""
    tracker: Tracker = subject.build(directory=folder)
    artefact = folder / "checkpoint.safetensors"
    artefact.write_bytes(b"weights")
    tracker.start("a-run", copy.deepcopy(PARAMETERS) if parameters is None else parameters)
    for step in (1, 2, 3):
        tracker.metrics(dict(METRICS) if metrics is None else metrics, step)
    tracker.artefact(artefact)
    tracker.finish(status)


@cache
def _runs() -> tempfile.TemporaryDirectory[str]:
    """Where the directories of runs lie: a tracker may keep beside them what they share."""
    return tempfile.TemporaryDirectory(prefix="anemoi-check-")


@contract()
def builds(subject: Subject) -> None:
    """It is built from the directory of a run and its own options; until it starts it writes nothing."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        require_built(subject, directory=Path(folder))
        written = sorted(path.name for path in Path(folder).iterdir())
        require(not written, f"it writes {', '.join(written)} before it is started")


@contract(after=("builds",))
def records_a_run(subject: Subject) -> None:
    """It takes the events of a whole run: its start, three steps, an artefact and its end."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        _run(subject, Path(folder))


@contract(after=RECORDS)
def takes_every_end(subject: Subject) -> None:
    """A run may end ``finished``, ``failed`` or ``interrupted``, and before its first step."""
    for status in ("finished", "failed", "interrupted"):
        for steps in (0, 1):
            with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
                tracker = subject.build(directory=Path(folder))
                tracker.start("a-run", copy.deepcopy(PARAMETERS))
                for step in range(steps):
                    tracker.metrics(dict(METRICS), step + 1)
                tracker.finish(status)


@contract(after=(*RECORDS, "takes_every_end"))
def takes_odd_metrics(subject: Subject) -> None:
    """Metrics may be NaN, infinite or numpy numbers, and other ones at every step."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        tracker = subject.build(directory=Path(folder))
        tracker.start("a-run", copy.deepcopy(PARAMETERS))
        for step, values in enumerate(({"a": math.nan}, {"b": math.inf}, {"a": np.float64(1.5), "c": 0.0})):
            tracker.metrics(values, step + 1)
        tracker.finish("failed")


@contract(after=RECORDS)
def fails_in_a_way_that_can_be_caught(subject: Subject) -> None:
    """Any call may fail, out of order or without its directory, but with an ``Exception``, and in time."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        for directory in (Path(folder), Path(folder, "gone")):
            calls: dict[str, Callable[[Tracker], None]] = {
                "finish": lambda tracker: tracker.finish("failed"),
                "metrics": lambda tracker: tracker.metrics(dict(METRICS), 1),
                "artefact": lambda tracker: tracker.artefact(Path("no-such-file")),
                "start": lambda tracker: tracker.start("a-run", copy.deepcopy(PARAMETERS)),
            }
            directory.mkdir(exist_ok=True)
            trackers = {name: subject.build(directory=directory) for name in calls}
            if directory.name == "gone":
                shutil.rmtree(directory)
            for name, call in calls.items():
                began = time.monotonic()
                try:
                    call(trackers[name])
                except Exception:
                    pass
                except BaseException as error:
                    require(False, f"{name} raises {type(error).__name__}, which would stop the training")
                took = time.monotonic() - began
                require(took < 5 * PROMPT, f"{name} takes {took:.1f} s to fail")


@contract(after=RECORDS)
def is_prompt(subject: Subject) -> None:
    """A training of three steps waits less than a second for it, and at the end less than half a minute."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        tracker = subject.build(directory=Path(folder))
        began = time.monotonic()
        tracker.start("a-run", copy.deepcopy(PARAMETERS))
        for step in (1, 2, 3):
            tracker.metrics(dict(METRICS), step)
        ended = time.monotonic()
        tracker.finish("finished")
        last = time.monotonic() - ended
    require(ended - began < PROMPT, f"it waits {ended - began:.1f} s")
    require(last < PATIENCE, f"at the end it waits {last:.1f} s")


@contract(after=RECORDS)
def leaves_what_it_is_given_alone(subject: Subject) -> None:
    """Parameters, metrics and the files of the run are the same after as before."""
    parameters, metrics = copy.deepcopy(PARAMETERS), dict(METRICS)
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        _run(subject, Path(folder), parameters=parameters, metrics=metrics)
        artefact = Path(folder, "checkpoint.safetensors")
        whole = artefact.is_file() and artefact.read_bytes() == b"weights"
    require(parameters == PARAMETERS, "the parameters were changed")
    require(metrics == METRICS, "the metrics were changed")
    require(whole, "the checkpoint was moved, removed or changed")


@contract(after=RECORDS)
def leaves_the_process_alone(subject: Subject) -> None:
    """Random numbers, signals and the working directory are the same after as before."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        require_process_left_alone(lambda: _run(subject, Path(folder)))


@contract(after=RECORDS)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build one that records a run."""
    with tempfile.TemporaryDirectory(dir=_runs().name) as folder:
        _run(replace(subject, options=from_configuration(subject)), Path(folder))


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "tracker": (
        options_are_declared,
        builds,
        records_a_run,
        takes_every_end,
        takes_odd_metrics,
        fails_in_a_way_that_can_be_caught,
        is_prompt,
        leaves_what_it_is_given_alone,
        leaves_the_process_alone,
        options_survive_a_configuration,
    )
}
