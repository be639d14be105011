"""A process that imports the components that jobs name, so that the server loads no torch for a form.

It begins when a component is first asked for, which takes seconds, and stays: what it has imported it has.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, ParamSpec, TypeVar

from anemoi.core.errors import PluginError

P = ParamSpec("P")
T = TypeVar("T")


class PluginProcess:
    """One process, which is begun anew if it dies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def do(self, function: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        """Call a function there; what it takes and gives, and the errors that it raises, travel.

        Raises
        ------
        PluginError
            If the process dies of it.
        """
        with self._lock:
            pool = self._pool = self._pool or ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
            )
        try:
            return pool.submit(function, *given, **more).result()
        except BrokenProcessPool as error:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            raise PluginError(
                "The process that imports plugins has died.",
                fix="Try again; if it stays so, see which: anemoi plugins doctor",
            ) from error

    def close(self) -> None:
        """End it."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()


PLUGINS: Final = PluginProcess()
"""That of this process."""


def _begin() -> None:
    """Leave Ctrl-C to the server, and end with it, also where it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
