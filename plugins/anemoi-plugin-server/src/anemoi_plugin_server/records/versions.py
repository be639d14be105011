"""The version of a database: what an older one lacks is added, and a newer one is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anemoi.core.errors import ResourceError
from sqlalchemy import Connection, inspect, select, update

from .tables import METADATA, versions

STEPS: Final[Sequence[Sequence[str]]] = ()
"""The statements that lead from each version to the next, the first from 1 to 2, for SQLite and PostgreSQL.

New tables need none. What a step adds, such as ``ALTER TABLE jobs ADD COLUMN ...``, has a default or may be
empty, so that a server of the version before goes on while another takes its place.
"""

FIRST: Final = 1
"""That of the databases that do not tell theirs."""


def bring_up(connection: Connection) -> None:
    """Make the tables, or bring those of an older version to that of this server, in one transaction.

    Raises
    ------
    ResourceError
        If it is of a newer version, or of none.
    """
    tables = set(inspect(connection).get_table_names())
    told = connection.execute(select(versions.c.version)).scalar() if versions.name in tables else None
    newest = FIRST + len(STEPS)
    if told == newest:
        return
    if told is not None and told > newest:
        raise ResourceError(
            f"The database is of version {told}, and this server knows those up to {newest}.",
            fix="Install the anemoi-plugin-server that wrote it, or a newer one; or restore a backup.",
        )
    if tables & set(METADATA.tables):
        for statements in STEPS[(told or FIRST) - FIRST :]:
            for statement in statements:
                connection.exec_driver_sql(statement)
    METADATA.create_all(connection)
    _check(connection)
    if not connection.execute(update(versions).values(version=newest)).rowcount:
        connection.execute(versions.insert().values(version=newest))


def _check(connection: Connection) -> None:
    """Check that every table has its columns: those that were there before may be of anything."""
    found = inspect(connection)
    lacking = [
        f"{name}.{column.name}"
        for name, table in METADATA.tables.items()
        for column in table.columns
        if column.name not in {each["name"] for each in found.get_columns(name)}
    ]
    if lacking:
        raise ResourceError(
            f"The database is of no version that this server knows: it has no {', '.join(sorted(lacking))}.",
            fix="Restore a backup, or move the database away to begin with an empty one.",
        )
