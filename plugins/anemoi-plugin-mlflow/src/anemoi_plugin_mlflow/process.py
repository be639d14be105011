"""The process that delivers the spool of a run while the run goes on.

``python -m anemoi_plugin_mlflow.process RUN_DIRECTORY PATIENCE``, started by the tracker. Anything on its
standard input, or the end of it, says that no more will be recorded: the run has ended, or was killed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from .delivery import Delivery, DeliveryError, prepare_client
from .spool import URI_VARIABLE

SOON, LATE = 0.5, 30.0
"""Seconds between two attempts, when all is well, and at most when it is not."""


def main(directory: Path, patience: float) -> int:
    """Deliver until the run has ended and all of it is there, or for ``patience`` seconds after its end."""
    prepare_client()
    ended = threading.Event()
    threading.Thread(target=_listen, args=(ended,), daemon=True).start()
    delivery, pause, deadline = Delivery(directory, uri=os.environ.get(URI_VARIABLE)), SOON, None
    while True:
        last = ended.is_set()
        if last and deadline is None:
            deadline = time.monotonic() + patience
        try:
            if delivery.deliver(ended=last):
                return 0
            pause = SOON
        except DeliveryError as error:
            pause = SOON if last else min(2 * pause, LATE)
            print(f"{time.strftime('%H:%M:%S')} {error} Trying again in {pause} s.", flush=True)
        if deadline is not None and time.monotonic() > deadline:
            return 1
        if last:
            time.sleep(SOON)
        else:
            ended.wait(pause)


def _listen(ended: threading.Event) -> None:
    sys.stdin.buffer.read(1)
    ended.set()


if __name__ == "__main__":
    # A daemon thread may hold the buffer of the standard input, on which an orderly end would wait.
    code = main(Path(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.flush()
    os._exit(code)
