"""Writes in a thread of its own, while the next state is computed."""

from __future__ import annotations

import queue
import threading
from types import TracebackType

from ..interfaces.output import State
from .tee import Tee

_WAITING = 2
"""How many states may wait to be written: enough to even out, and little memory."""

_PATIENCE = 0.1
"""How many seconds to wait before looking whether the thread has ended."""


class Background:
    """Takes states as fast as they come, and writes them in order; a context manager, as an output is.

    One thread opens, writes and closes, so that what is not made for several is not met by two. Its first
    error is raised where the next state is written, or at the end.

    Parameters
    ----------
    output
        What writes.
    """

    def __init__(self, output: Tee) -> None:
        self._output = output
        self._states: queue.Queue[State | BaseException | None] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        # In place of a join, which takes a thread for ended when it is interrupted (bpo-45274).
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="forecast output", daemon=True)

    def __enter__(self) -> Background:
        """Start the thread."""
        self._thread.start()
        return self

    def write(self, state: State) -> None:
        """Leave a state to be written; wait if too many are waiting already.

        Raises
        ------
        AnemoiError
            If a state before this one could not be written.
        """
        self._raise()
        self._states.put(state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait until all is written; after an error, until all is cleared away."""
        interrupt, told = None, False
        while True:
            try:
                if self._ended.is_set():
                    break
                if not told:
                    self._states.put(error, timeout=_PATIENCE)
                    told = True
                self._ended.wait()
            except queue.Full:
                continue  # the thread is busy, or has failed and ended
            except KeyboardInterrupt as again:  # which must not keep it from clearing away
                interrupt = again
        if error is None:
            self._raise()
            if interrupt is not None:
                raise interrupt

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            self._write_all()
        finally:
            self._ended.set()

    def _write_all(self) -> None:
        ended = False
        try:
            # Files are begun with the first state: who is interrupted before has nothing to clear away.
            item = self._states.get()
            ended = not isinstance(item, State)
            if isinstance(item, BaseException):
                return
            with self._output as output:
                while isinstance(item, State):
                    output.write(item)
                    item = self._states.get()
                ended = True
                if item is not None:
                    raise item  # so that what was written is cleared away
        except BaseException as error:
            self._failure = error
        while not ended:  # Whoever computes must not wait for ever.
            ended = not isinstance(self._states.get(), State)
