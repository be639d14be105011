"""Does something again and again, in a thread, on one of the servers that share a database."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable

from .records import Database, Lease

log = logging.getLogger("anemoi.server")


class Periodic:
    """A thread that does something at intervals while it has the lease for it.

    What fails is logged, and tried again at the next interval.

    Parameters
    ----------
    database
        Where the lease is noted.
    name
        What is done.
    do
        That.
    every
        How many seconds lie between two times.
    """

    def __init__(self, database: Database, name: str, do: Callable[[], None], *, every: float) -> None:
        self._do, self._name, self._every = do, name, every
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease = Lease(database, name, holder, term=max(30.0, 3 * every))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is being done now."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._lease.hold():
                    self._do()
            except Exception as error:  # whatever it is, the next time may go well
                log.warning("%s: %s", self._name, error)
            self._stopping.wait(self._every)
        self._lease.release()
