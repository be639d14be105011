"""The connection to the database, SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anemoi.core.errors import ResourceError
from anemoi.core.secrets import masked
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from . import versions

PATIENCE = 10.0
"""How many seconds a locked database is waited for."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('anemoi'))"


class Database:
    """A database with the tables of the server.

    Parameters
    ----------
    url
        ``sqlite:////path`` or ``postgresql+psycopg://host/name``.

    Raises
    ------
    ResourceError
        If it cannot be opened, or is of a version that this server does not know.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        local = url.startswith("sqlite")
        try:
            self.engine = create_engine(
                url, connect_args={"timeout": PATIENCE} if local else {}, pool_pre_ping=not local
            )
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise ResourceError(
                f"There is no database at {masked(url)}: {error}",
                fix="Write sqlite:////path/of/a/file or postgresql+psycopg://user:password@host/name.",
            ) from error
        if local:
            event.listen(self.engine, "connect", _durable)
        with self.writing() as connection:
            # One of the servers that begin at once makes the tables, and the others find them.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if local else _LOCK)
            versions.bring_up(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, which is taken back if the block raises.

        Raises
        ------
        ResourceError
            If the database is locked, full or gone.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, DBAPIError) as error:
            raise ResourceError(
                f"The database cannot be used: {error.orig}.",
                fix="See that its disk has room and that it runs, and try again.",
            ) from error

    reading = writing

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _durable(connection: Any, _: Any) -> None:
    """Readers do not wait for a writer, and a commit outlives a crash of the process."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
