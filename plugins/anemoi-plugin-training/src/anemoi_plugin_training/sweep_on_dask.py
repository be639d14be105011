"""The runs of a sweep, each a task of a Dask cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AnemoiError

from .directory import exclusive
from .leaving import InterruptedTraining, Leaving
from .sweep import SweepRun, left, raise_failures

CHILD: Final = "anemoi_plugin_training.sweep_child"
_OFTEN: Final = 0.5
"""Seconds between two looks at a run."""

_HANDOVER: Final = 300.0
"""Seconds that the run of a worker that was lost may take to save its state and give the directory up."""


@dataclass(frozen=True)
class _Outcome:
    """How a run ended: its exit code, its last line, and whether a worker was lost before."""

    code: int
    said: str
    again: bool


def take_on(
    client: Any,
    runs: Sequence[SweepRun],
    *,
    options: Sequence[str] = (),
    threads: int,
    tell: Callable[[str], object] = lambda line: None,
) -> None:
    """Take the runs that have not finished on the workers of a cluster, as many at a time as those take.

    Each is a process of its own beside the worker, in the working directory of the command, which workers
    share; what it says goes to ``NUMBER.log`` beside its directory. The run of a worker that is lost goes on
    from its last state, or begins again if it has none, on another.

    Parameters
    ----------
    client
        Of the cluster.
    runs, options, tell
        As for :func:`.take`.
    threads
        How many a run computes with.

    Raises
    ------
    InterruptedTraining
        If a signal came, or runs have reached their time limit; they have saved their states.
    AnemoiError
        If runs have failed; the others were taken all the same.
    """
    event = _event(f"anemoi-sweep-{uuid.uuid4().hex}", client)
    words, environment = list(options), dict.fromkeys(_THREADS, str(threads))
    for run in runs:
        if run.finished:
            tell(f"{run.directory}: has finished")
    futures = {
        client.submit(
            _take,
            run,
            words,
            os.getcwd(),
            environment,
            _size(_log(run)),
            event.name,
            pure=False,
            key=str(uuid.uuid4()),
        ): run
        for run in runs
        if not run.finished
    }
    interrupted, failed = [], []
    with Leaving() as leaving:
        while futures:
            if leaving.reason is not None and not event.is_set():
                event.set()
            for future in [each for each in futures if each.done()]:
                run = futures.pop(future)
                outcome = _outcome(future)
                tell(_told(run, outcome))
                if outcome.code == InterruptedTraining.exit_code:
                    interrupted.append(run)
                elif outcome.code:
                    failed.append(run)
            time.sleep(_OFTEN)
    if interrupted:
        raise left(interrupted)
    raise_failures(failed, len(runs))


_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Dask sets them to one for its workers, which would change the last bits of a training."""


def _take(
    run: SweepRun,
    options: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    size: int,
    event: str,
) -> _Outcome:
    """Take one run, on a worker; ``size`` is that of its log before any worker had it."""
    try:
        os.chdir(directory)  # paths may be relative to it
    except OSError as error:
        return _Outcome(1, f"The worker has no directory {directory}: {error.strerror}.", again=False)
    leave, log = _event(event), _log(run)
    again = _size(log) > size
    if leave.is_set():
        return _Outcome(InterruptedTraining.exit_code, "", again)
    if run.directory.exists():
        _wait_for(run.directory)
    if run.finished:
        return _Outcome(0, "", again)
    with log.open("ab") as output:
        output.write(f"{' '.join(run.overrides)}\n".encode())
        output.flush()
        # A session of its own: only the worker signals it.
        process = subprocess.Popen(
            run.command(options, program=("-m", CHILD)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        told = False
        while process.poll() is None:
            if not told and leave.is_set():
                process.send_signal(signal.SIGTERM)
                told = True
            time.sleep(_OFTEN)
    return _Outcome(process.returncode, _last_error(log), again)


def _event(name: str, client: Any = None) -> Any:
    """An event of the cluster, which is set when the sweep must leave; on a worker by its own client."""
    from distributed import Event

    build: Any = Event  # it has no types
    return build(name, client=client)


def _wait_for(directory: Path) -> None:
    """Wait until no process trains in a directory; one that goes on after that says who does."""
    end = time.monotonic() + _HANDOVER
    while time.monotonic() < end:
        with suppress(AnemoiError), exclusive(directory):
            return
        time.sleep(_OFTEN)


def _outcome(future: Any) -> _Outcome:
    error = future.exception()
    if error is None:
        outcome: _Outcome = future.result()
        return outcome
    return _Outcome(1, f"{type(error).__name__}: {error}", again=False)


def _told(run: SweepRun, outcome: _Outcome) -> str:
    again = "its worker was lost, and another one has taken it; " if outcome.again else ""
    how = {0: "finished", InterruptedTraining.exit_code: "left, its state is saved"}
    if outcome.code in how:
        return f"{run.directory}: {again}{how[outcome.code]}"
    return f"{run.directory}: {again}failed with exit code {outcome.code}: {outcome.said} (see {_log(run)})"


def _log(run: SweepRun) -> Path:
    return run.directory.with_name(f"{run.directory.name}.log")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _last_error(log: Path) -> str:
    """The last line of a log that tells of an error, or else the last."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return next((line for line in reversed(lines) if line.startswith("Error:")), lines[-1])
