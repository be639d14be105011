"""What a worker does with an attempt: has it run in a process of its own, and ends that in time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Final

import psutil
from anemoi.core.errors import ResourceError

from .attempt import THREADS, Attempt, Ended

POLL: Final = 0.25
"""How often, in seconds, an attempt is looked at."""

GRACE: Final = 5.0
"""How many seconds a process has to clear away what it has begun."""

_USUAL: Final = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE", "MALLOC_TRIM_THRESHOLD_",
)  # fmt: skip
"""The variables of the environment that every job is given. None of them is a secret."""


class LostError(Exception):
    """The warm parent has died."""


class WarmParent:
    """A process that has imported what jobs need; see :mod:`.warm`.

    Parameters
    ----------
    environment
        The variables that jobs are given besides the usual ones.
    """

    def __init__(self, environment: tuple[str, ...]) -> None:
        given = {name: os.environ[name] for name in (*_USUAL, *environment) if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.warm"],
            env={**given, **dict.fromkeys(THREADS, "1")},  # none besides the one that forks
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal of the server is the server's to tell
            bufsize=0,
        )
        self._rest = b""

    def begin(self, attempt: Attempt) -> int:
        """Fork a process for an attempt, and give its number.

        Raises
        ------
        LostError
            If the parent has died.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(attempt)).encode() + b"\n")
        except OSError as error:
            raise LostError from error
        while (answer := self._answer(None)).keys() != {"begun"}:
            pass  # it is ready now
        return int(answer["begun"])

    def ended(self, within: float) -> int | None:
        """The exit code of the process, negative for a signal; None if it runs on after so many seconds.

        Raises
        ------
        LostError
            If the parent has died.
        """
        answer = self._answer(within)
        return int(answer["ended"]) if answer else None

    def close(self) -> None:
        """End it, and what it has forked."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _answer(self, within: float | None) -> dict[str, Any]:
        """The next answer; empty if there is none in time."""
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            if not select.select([self._process.stdout], [], [], within)[0]:
                return {}
            if not (more := os.read(self._process.stdout.fileno(), 1 << 12)):
                raise LostError
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


class WarmParents:
    """The warm parents of this worker, each with one attempt at a time."""

    def __init__(self) -> None:
        self._idle: list[WarmParent] = []
        self._lock = threading.Lock()

    def warm(self, environment: tuple[str, ...]) -> None:
        """Have one that is ready."""
        with self._lock:
            if not self._idle:
                self._idle.append(WarmParent(environment))

    @contextmanager
    def taken(self, attempt: Attempt) -> Iterator[WarmParent]:
        """One for an attempt, which is used again unless it dies."""
        with self._lock:
            parent = self._idle.pop() if self._idle else None
        if parent is None:
            parent = WarmParent(attempt.environment)
        try:
            yield parent
        except BaseException:
            parent.close()
            raise
        with self._lock:
            self._idle.append(parent)

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            parents, self._idle = self._idle, []
        for parent in parents:
            parent.close()


PARENTS: Final = WarmParents()
"""Those of this process: tasks of Dask are functions, and find nothing else on a worker."""


def run(attempt: Attempt) -> Ended:
    """Run an attempt to its end, in a process of its own; the task of a Dask worker.

    Returns
    -------
    Ended
        Lost where it has been begun before: Dask repeats tasks whose worker has died, and the server counts
        attempts itself.
    """
    if not attempt.is_current() or not _first(attempt):
        return Ended(lost="its worker has died")
    try:
        with PARENTS.taken(attempt) as parent:
            return _watched(parent, parent.begin(attempt), attempt)
    except LostError:
        return Ended(lost="the parent of its process has died")


def _first(attempt: Attempt) -> bool:
    """Whether nobody has begun this attempt before."""
    try:
        attempt.begun.open("x").close()
    except FileExistsError:
        return False
    except OSError as error:
        raise ResourceError.kind(error)(
            f"{attempt.directory} cannot be written: {error.strerror}.",
            fix="Workers need the data directory of the server, under the same path, and room there.",
        ) from error
    return True


def _watched(parent: WarmParent, process: int, attempt: Attempt) -> Ended:
    latest = time.monotonic() + attempt.time_limit
    exceeded, superseded, killed_at = None, False, None
    try:
        while (code := parent.ended(POLL)) is None:
            now = time.monotonic()
            if killed_at is not None:
                if now > killed_at:
                    _signal(process, signal.SIGKILL)
                continue
            superseded = not attempt.is_current()
            if now > latest:
                exceeded = "time"
            elif _memory(process) > attempt.memory_limit:
                exceeded = "memory"
            if exceeded or superseded:
                _signal(process, signal.SIGTERM)
                killed_at = now + GRACE
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # what it has left running
    if code == -signal.SIGKILL and killed_at is None:
        return Ended(code, lost="its process was killed, as by a system that runs out of memory")
    return Ended(code, exceeded)


def _memory(process: int) -> int:
    """How much memory a process and its children have, in bytes."""
    total = 0
    with suppress(psutil.Error):
        first = psutil.Process(process)
        for each in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def _signal(process: int, number: int) -> None:
    """Send a signal to the group of a process, or to itself where it has none yet."""
    try:
        os.killpg(process, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(process, number)
