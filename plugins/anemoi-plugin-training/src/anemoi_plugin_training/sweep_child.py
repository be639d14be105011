"""The command ``anemoi`` as the child of a worker: without the worker it saves its state and leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_OFTEN = 1.0
"""Seconds between two looks at the worker."""


def main() -> int:
    """Run the command, and give its exit code."""
    from anemoi.core.cli import main as anemoi

    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    return anemoi()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_OFTEN)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
