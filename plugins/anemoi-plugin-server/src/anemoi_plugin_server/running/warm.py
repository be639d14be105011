"""The warm parent: a process that has imported what jobs need, and forks one for each.

``python -m anemoi_plugin_server.running.warm`` reads attempts from its standard input, a line of JSON each,
and writes ``{"ready": true}``, ``{"begun": PID}`` and ``{"ended": EXIT CODE}``. It has one thread, so that a
fork is safe, and one attempt at a time. At the end of its input it ends, and what it has forked with it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from .attempt import Attempt
from .imports import import_ahead


def serve(orders: int, answers: int) -> Attempt | None:
    """Fork for each attempt; None at the end of the orders, and the attempt in the process forked for it.

    Parameters
    ----------
    orders, answers
        Files to read and to write.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    child, rest = 0, b""
    _answer(answers, ready=True)
    while True:
        readable, _, _ = select.select([orders, woken], [], [])
        if woken in readable:
            os.read(woken, 1 << 10)
            if child and (status := os.waitpid(child, os.WNOHANG))[0]:
                child = 0
                _answer(answers, ended=os.waitstatus_to_exitcode(status[1]))
        if orders in readable:
            if not (more := os.read(orders, 1 << 16)):
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                attempt = Attempt(**json.loads(line))
                if not (child := os.fork()):
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for file in (orders, answers, woken, wake):
                        os.close(file)
                    return attempt
                _answer(answers, begun=child)
    if child:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    return None


def _answer(file: int, **answer: Any) -> None:
    os.write(file, json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Import, serve, and in a process that was forked run the attempt."""
    orders, answers = os.dup(0), os.dup(1)  # what is printed goes nowhere, and input is empty
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    import_ahead()
    parent = os.getpid()
    try:
        attempt = serve(orders, answers)
    except BrokenPipeError:  # the worker has gone
        return
    if attempt is None:
        return
    from .process import become, run

    become(attempt, parent)
    _leave(run(attempt))


def _leave(code: int) -> NoReturn:
    """Exit without taking down all that the parent has imported, which took three seconds."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
