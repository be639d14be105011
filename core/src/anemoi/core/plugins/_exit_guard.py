"""Keeps foreign code that runs inside a run from ending the process in silence."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import NoReturn


class ProcessExitError(Exception):
    """Foreign code called ``os._exit``, which would have ended the run with an exit code of its choice."""


class ExitGuard:
    """While it is open, ``os._exit`` raises :class:`ProcessExitError` in this thread of this process.

    A context. Other threads, and processes forked from this one, end as they ask to. What ends a process in
    another way is not kept from it: a signal, a crash, the C library called directly, an ``os._exit``
    that was kept from before.
    """

    def __enter__(self) -> ExitGuard:
        self._exit = os._exit
        self._process, self._thread = os.getpid(), threading.get_ident()
        os._exit = self._refuse
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os._exit = self._exit

    def _refuse(self, status: int) -> NoReturn:
        if os.getpid() == self._process and threading.get_ident() == self._thread:
            raise ProcessExitError(f"it called os._exit({status}), which would have ended the run")
        self._exit(status)
