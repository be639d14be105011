"""The process that draws, one drawing after another, while the training goes on."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from .forecast import Drawing

WAITING: Final = 1
"""How many drawings may wait for the one that is being made: each holds some fields."""


class DrawingError(Exception):
    """Pictures that could not be drawn."""


class Drawer:
    """Hands drawings to a process of its own each, which ends with them and gives its memory back.

    A thread would take the interpreter from the training for as long as it draws.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="plots")
        self._pending: list[Future[list[Path]]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def draw(self, drawing: Drawing) -> bool:
        """Have a drawing made; False, and nothing done, where too many wait already."""
        if sum(not each.done() for each in self._pending) > WAITING:
            return False
        self._pending.append(self._thread.submit(self._draw, drawing))
        return True

    def done(self) -> list[Path | DrawingError]:
        """Give each file since the last call that is whole, or in place of those of a drawing its error."""
        found: list[Path | DrawingError] = []
        for each in [each for each in self._pending if each.done()]:
            self._pending.remove(each)
            error = None if each.cancelled() else each.exception()
            if each.cancelled() or error is not None:
                found.append(DrawingError(str(error or "there was no time at the end")))
            else:
                found.extend(each.result())
        return found

    def close(self, patience: float) -> None:
        """Wait for what is not drawn yet, ``patience`` seconds at most, and end."""
        _, late = wait(self._pending, timeout=patience)
        self._ended = True
        for each in late:
            each.cancel()
        if late and self._process is not None:
            self._process.kill()
        self._thread.shutdown()

    def _draw(self, drawing: Drawing) -> list[Path]:
        if self._ended:
            raise DrawingError("there was no time at the end")
        # A session of its own, so that Ctrl-C ends the training and no picture.
        command = [sys.executable, "-m", "anemoi_plugin_verification.plots.process"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        ) as self._process:
            written, said = self._process.communicate(pickle.dumps(drawing))
        if self._process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise DrawingError(last or f"the process ended with {self._process.returncode}")
        return [Path(line) for line in written.decode().splitlines()]
