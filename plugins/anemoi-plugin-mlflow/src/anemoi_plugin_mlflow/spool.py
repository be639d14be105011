"""What was recorded of a run, on disk before anything is sent, and how much of it was delivered.

The spool is a file of JSON lines that is only ever appended to, by the training alone. What delivers it
keeps how far it has come beside it. Neither ever waits for the other.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from anemoi.core.errors import AnemoiError
from anemoi.core.files import write_whole

SQLITE = "sqlite:///"
"""How the URI of a local store begins; what follows is a path."""

FOLDER = "mlflow"
"""The folder of the spool in the directory of a run."""

URI_VARIABLE = "ANEMOI_MLFLOW_DELIVERY_URI"
"""The environment variable that tells the process that delivers where to."""

Kind = Literal["start", "resume", "metrics", "file", "finish"]


class Spool:
    """The spool of one run.

    Parameters
    ----------
    directory
        The directory of the run.
    """

    def __init__(self, directory: Path) -> None:
        self.run_directory = directory
        self.folder = directory / FOLDER
        self.lines = self.folder / "spool.jsonl"
        self.log = self.folder / "delivery.log"
        self._delivered = self.folder / "delivered.json"
        self._lock = threading.Lock()

    def append(self, kind: Kind, **values: Any) -> None:
        """Record something, at this time. Threads may call it at once."""
        line = json.dumps({"kind": kind, "time": round(time.time() * 1000), **values}) + "\n"
        with self._lock, self.lines.open("a", encoding="utf-8") as file:
            file.write(line)

    def read(self, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Each record from a place in the file on, and the place of the next.

        A last line that is not whole, because it is being written or its writer was killed, is not read.
        """
        with self.lines.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                yield json.loads(line), offset

    def reopen(self) -> bool:
        """Go on with the record of an earlier process, whose last line may have been cut short by a kill.

        Returns
        -------
        bool
            Whether there is one.
        """
        end = max((place for _, place in self.read(0)), default=0) if self.lines.exists() else 0
        if end:
            os.truncate(self.lines, end)
        return bool(end)

    @property
    def pending(self) -> int:
        """How many records are not delivered yet."""
        return sum(1 for _ in self.read(self.delivered().offset))

    def delivered(self) -> Delivered:
        """How much was delivered."""
        try:
            return Delivered(**json.loads(self._delivered.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Delivered()
        except (ValueError, TypeError) as error:
            raise AnemoiError(
                f"{self._delivered} is damaged: {error}",
                fix="Remove it to deliver the run once more, as a new one.",
            ) from error

    def save(self, delivered: Delivered) -> None:
        """Write down how much was delivered."""
        write_whole(self._delivered, (json.dumps(asdict(delivered)) + "\n").encode())


@dataclass(frozen=True)
class Delivered:
    """How much of a spool was delivered.

    Parameters
    ----------
    uri, run_id
        Where to, without user and password, and as which run of MLflow; empty before there is one.
    offset
        Every record before this place in the file is delivered, or was refused.
    refused
        How many records the server would not take. Each is in the log, with the reason.
    finished
        Whether the end of the run was delivered.
    trouble
        Why the last attempt failed; empty if it did not.
    """

    uri: str = ""
    run_id: str = ""
    offset: int = 0
    refused: int = 0
    finished: bool = False
    trouble: str = ""
