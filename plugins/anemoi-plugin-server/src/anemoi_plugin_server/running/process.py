"""The process of one attempt: a command of ``anemoi``, within limits, in a directory of its own."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from anemoi.core.cli.event_log import EventLog
from anemoi.core.cli.main import main
from anemoi.core.config import build
from anemoi.core.errors import AnemoiError, ResourceError
from anemoi.core.locking import LockedError, lock
from anemoi.core.secrets import masked

from ..job import Job
from ..results.shelf import Shelf
from .attempt import THREADS, Attempt
from .workspace import AttemptWorkspace

_SET_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_LOCK: Final = "lock"
_PATIENCE: Final = 0.1


def become(attempt: Attempt, parent: int) -> None:
    """Make the process that has just been forked that of an attempt.

    Parameters
    ----------
    attempt
        The attempt.
    parent
        The process that it was forked from, with which it ends.
    """
    os.setsid()  # a group of its own, so that all of it can be ended
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the worker's is not that of a command
    os.chdir(attempt.directory)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(file, number)
        os.close(file)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Whoever asks for all of the memory at once is refused; what grows slowly is seen by the worker.
    resource.setrlimit(resource.RLIMIT_DATA, (attempt.memory_limit, attempt.memory_limit))


def run(attempt: Attempt) -> int:
    """Run the command of an attempt in this process, keep its result, and give its exit code."""
    import torch

    torch.set_num_threads(attempt.threads)
    os.environ.update(dict.fromkeys(THREADS, str(attempt.threads)))  # for processes of the command's own
    try:
        job: Job = build("job", {**attempt.options, "name": attempt.kind}, trust_code=False)
        with _alone(), open(job.events, "a", encoding="utf-8") as stream:
            return _run(attempt, job, EventLog(stream))
    except AnemoiError as error:
        print(f"Error: {masked(str(error))}", file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("Error: The memory does not suffice.", file=sys.stderr)
        return ResourceError.exit_code


def _run(attempt: Attempt, job: Job, events: EventLog) -> int:
    events.tell("begun", attempt=attempt.number)
    with events.failures():
        arguments = list(job.command(AttemptWorkspace(attempt)))
    sys.argv = ["anemoi", *arguments]  # which provenance tells
    if code := main(arguments):
        return code
    with events.failures():
        kept = Shelf(Path(attempt.results)).keep(Path(job.results), kind=attempt.kind)
    events.tell("kept", result=kept.digest, size=kept.size)
    return 0


@contextmanager
def _alone() -> Iterator[BinaryIO]:
    """Wait until an attempt before this one, which is being ended, has left the directory."""
    while True:
        try:
            file = lock(Path(_LOCK))
            break
        except LockedError:
            time.sleep(_PATIENCE)
    with file:
        yield file
