"""What a server needs to take jobs: a database that takes writes, room on the disk, workers."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anemoi.core.errors import AnemoiError, ResourceError
from sqlalchemy import update
from sqlalchemy.engine import make_url

from ..records.tables import logins

if TYPE_CHECKING:
    from ..records import Database
    from ..settings import Settings

KEPT: Final = 1.0
"""For how many seconds an answer holds: whoever asks more often costs nothing."""


class Readiness:
    """What a server needs to take jobs.

    Parameters
    ----------
    settings
        How much room stays free, and where.
    database
        Where the records are.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self.workers: Callable[[], int] | None = None
        """How many jobs can run at once; None if nothing in this process runs them."""
        self._ending = False
        self._lock = threading.Lock()
        self._found: tuple[float, dict[str, str | None]] = (0.0, {})

    def checks(self) -> dict[str, str | None]:
        """What is wrong with each thing that is needed; None if nothing is."""
        with self._lock:
            until, found = self._found
            if until < time.monotonic():
                found = {
                    "database": _problem(self.check_database),
                    "disk": _problem(self.check_room),
                    "workers": None if self.workers is None or self.workers() else "No worker is there.",
                }
                self._found = (time.monotonic() + KEPT, found)
            return {**found, "server": "It is about to end."} if self._ending else found

    def end(self) -> None:
        """Be ready no more: the server has been told to end."""
        self._ending = True

    def check(self) -> None:
        """See whether what a new job leaves behind would be kept.

        Raises
        ------
        ResourceError
            If the disk is as full as it may be, or the database is gone.
        """
        self.check_room()
        self.check_file()

    def check_database(self) -> None:
        """See whether the database takes writes.

        Raises
        ------
        ResourceError
            If it is gone, locked, full or not to be written.
        """
        self.check_file()
        with self._database.writing() as connection:
            connection.execute(update(logins).where(logins.c.digest == "").values(nonce=""))

    def check_file(self) -> None:
        """See whether the file of the database is there: what is written into a removed one is lost.

        Raises
        ------
        ResourceError
            If it has been removed.
        """
        url = make_url(self._database.url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise ResourceError(
                "The file of the database has been removed.",
                fix="Stop the server, restore its data (`anemoi server restore BACKUP`), and start it again.",
            )

    def check_room(self) -> None:
        """See whether the disk of the data directory has as much room as is to stay free.

        Raises
        ------
        ResourceError
            If it has less, or the directory is gone.
        """
        reserve, free = self._settings.operations.reserve, self.room() / 2**30
        if free < reserve:
            raise ResourceError(
                f"The disk of the server is full: {free:.2f} GiB are left, and {reserve:g} GiB stay free.",
                fix="Nothing is lost. Remove results that nobody needs, or ask the operator for room.",
            )

    def room(self) -> float:
        """How many bytes are free on the disk of the data directory.

        Raises
        ------
        ResourceError
            If the directory is gone.
        """
        try:
            return float(shutil.disk_usage(self._settings.place).free)
        except OSError as error:
            raise ResourceError(
                f"The data directory of the server cannot be read: {error.strerror}.",
                fix="See that its disk is mounted.",
            ) from error


def _problem(check: Callable[[], None]) -> str | None:
    try:
        check()
    except AnemoiError as error:
        return error.what
    return None
