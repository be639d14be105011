"""When a training must leave before its end: at a signal, or when its time is over."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from anemoi.core.errors import AnemoiError, ConfigError

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
"""All that a user, a shell, a batch system or a limit of the system ends a process with, but SIGKILL."""

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class InterruptedTraining(AnemoiError):  # noqa: N818 - it is no mistake
    """A training has left before its end, and can go on."""

    exit_code = 75
    """EX_TEMPFAIL of sysexits.h: try again later."""


class Leaving:
    """Remembers within its block that the training should leave, so that it does so between two steps.

    A second SIGINT (Ctrl-C) raises KeyboardInterrupt at once.

    Parameters
    ----------
    time_limit
        Seconds after ``began``; None for none.
    began
        By the clock.
    clock
        The time in seconds.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        *,
        began: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._end = None if time_limit is None else began + time_limit
        self._clock = clock
        self._signal: str | None = None
        self._handlers: dict[int, Any] = {}
        self._process = os.getpid()

    @property
    def reason(self) -> str | None:
        """Why the training should leave now: ``SIGTERM``, ``training.time_limit``; None if it should not."""
        if self._signal is None and self._end is not None and self._clock() >= self._end:
            return "training.time_limit"
        return self._signal

    def __enter__(self) -> Leaving:
        if threading.current_thread() is threading.main_thread():  # no other may ask for signals
            for name in _SIGNALS:
                if number := getattr(signal, name, None):
                    self._handlers[number] = signal.signal(number, self._notice)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            return  # A process that reads samples: it ends when the training does.
        if number == signal.SIGINT:
            if self._signal == "SIGINT":
                raise KeyboardInterrupt
            # Not print: a handler may come between any two bytes that another one writes.
            os.write(2, b"\nSaving after this step. To leave at once without: Ctrl-C again.\n")
        self._signal = signal.Signals(number).name


def parse_time_limit(text: str) -> float:
    """Read a time limit, ``11h45m``, in seconds.

    Raises
    ------
    ConfigError
        If it is none.
    """
    match = re.fullmatch(r"(?:\d+[dhms])+", text.strip())
    seconds = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)([dhms])", text))
    if match is None or not seconds:
        raise ConfigError(
            f"training.time_limit: {text!r} is no time limit.", fix="Write it as 11h45m, 2d or 90m."
        )
    return float(seconds)
