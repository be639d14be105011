"""Runs the programs of cells, and ends them with all that they have started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]

_BUSY = 0.5
"""The part of its time that a program uses the processor for if it is busy, and does not wait."""
_FRAME = re.compile(r'^ *File "([^"]+)", line (\d+) in (\S+)', re.MULTILINE)


class CellTimeoutError(Exception):
    """The cell has used up its time; says whether the program was busy, and where it was."""


class StoppedError(BaseException):
    """The run is being ended."""


class Programs:
    """Programs in process groups of their own, all of which can be ended at once."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._changing = threading.Lock()
        self._stopped = False

    def run(
        self, words: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path, deadline: float
    ) -> tuple[int, str]:
        """Run a program; its exit code and what it printed, which is appended to the log.

        Parameters
        ----------
        deadline
            When it has to be through, by :func:`time.monotonic`.

        Raises
        ------
        CellTimeoutError
            If it is not; it and all that it started are killed, having told where they were.
        StoppedError
            After :meth:`stop`.
        """
        with log.open("ab") as file:
            start, began = file.tell(), time.monotonic()
            program = self._start(words, cwd, environment, file.fileno())
            try:
                code = program.wait(max(0.0, deadline - began))
            except subprocess.TimeoutExpired:
                used = _processor_time(program.pid)
                _abort(program)
                said = log.read_bytes()[start:].decode(errors="replace")
                raise CellTimeoutError(_late(used, time.monotonic() - began, said)) from None
            except BaseException:  # an interrupt
                _kill(program.pid, signal.SIGKILL)
                program.wait()
                raise
            finally:
                with self._changing:
                    self._groups.discard(program.pid)
        if self._stopped:
            raise StoppedError
        return code, log.read_bytes()[start:].decode(errors="replace")

    def stop(self) -> None:
        """End all that runs, and let nothing new begin."""
        with self._changing:
            self._stopped = True
            for group in self._groups:
                _kill(group, signal.SIGKILL)

    def _start(
        self, words: Sequence[str], cwd: Path, environment: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._stopped:
                raise StoppedError
            program = subprocess.Popen(
                words,
                cwd=cwd,
                env={**environment, "PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.add(program.pid)
            return program


def _abort(program: subprocess.Popen[bytes]) -> None:
    """Kill a group of processes, after a moment in which those of Python print where they are."""
    _kill(program.pid, signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(3)
    _kill(program.pid, signal.SIGKILL)
    program.wait()


def _kill(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _processor_time(pid: int) -> float:
    """Seconds that a process and its descendants have used."""
    try:
        program = psutil.Process(pid)
        times = [each.cpu_times() for each in (program, *program.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return float(sum(each.user + each.system for each in times))


def _late(used: float, seconds: float, said: str) -> str:
    """What a program that was killed is called, by the processor time that it used, and where it was."""
    frames = [(Path(path), line, name) for path, line, name in _FRAME.findall(said)]
    tests = [(path, name) for path, _, name in frames if name.startswith("test") and "tests" in path.parts]
    where = ""
    if tests:
        path, name = tests[0]
        where = f" in {Path(*path.parts[len(path.parts) - path.parts[::-1].index('tests') - 1 :])}::{name}"
    elif frames:
        path, line, name = frames[0]
        where = f" at {path.name}:{line}, in {name}"
    if used < _BUSY * seconds:
        return f"hangs{where}: it used the processor for {used:.0f} of {seconds:.0f} s, and was killed"
    return (
        f"not through in {seconds:.0f} s{where}: it was busy for {used:.0f} s of them, so it is slow or in "
        "an endless loop; raise 'timeout' in the matrix if the machine is slow"
    )
