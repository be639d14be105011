"""A log for programs: one line of JSON for each event, written as it happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import IO, Any

from ..errors import AnemoiError
from ..secrets import masked


class EventLog:
    """Writes events; what several threads tell does not mix.

    Parameters
    ----------
    stream
        Where the lines go; nowhere if None.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def tell(self, event: str, **about: Any) -> None:
        """Write that something has happened, with the time, UTC."""
        if self._stream is None:
            return
        with self._lock:  # taken before the time is, so that later lines have later times
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            line = json.dumps({"time": now, "event": event, **masked(about)}, ensure_ascii=False)
            self._stream.write(f"{line}\n")
            self._stream.flush()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Tell of an error that ends the block, with the exit code that it has."""
        try:
            yield
        except AnemoiError as error:
            self.tell("failed", error=error.what, fix=error.fix, exit_code=error.exit_code)
            raise
        except KeyboardInterrupt:
            self.tell("failed", error="Interrupted.", fix=None, exit_code=130)
            raise
