"""Leases: of several servers over one database, one at a time does what only one may do."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from anemoi.core.errors import ResourceError
from sqlalchemy import delete, insert, or_, update
from sqlalchemy.exc import IntegrityError

from .engine import Database
from .tables import leases

TERM: Final = 10.0
"""How many seconds a lease holds that is not renewed: so long nobody does the work of one that was killed."""


class Lease:
    """The right to do something, for one holder at a time. The clocks of the servers must agree to seconds.

    Parameters
    ----------
    database
        Where it is noted.
    name
        What for.
    holder
        Who wants it: a name that no other has.
    term
        How many seconds it holds that is not renewed.
    """

    def __init__(self, database: Database, name: str, holder: str, *, term: float = TERM) -> None:
        self._database, self._name, self._holder, self._term = database, name, holder, term
        self._until = 0.0

    def hold(self) -> bool:
        """Take it or keep it, if no other has it; whether it is held.

        Raises
        ------
        ResourceError
            If the database cannot be used.
        """
        now = time.time()
        if now < self._until - self._term * 2 / 3:
            return True
        taken = (
            update(leases)
            .where(leases.c.name == self._name, or_(leases.c.holder == self._holder, leases.c.until < now))
            .values(holder=self._holder, until=now + self._term)
        )
        with self._database.writing() as connection:
            held = connection.execute(taken).rowcount == 1
        if not held:
            held = self._first(now + self._term)
        self._until = now + self._term if held else 0.0
        return held

    def release(self) -> None:
        """Give it up, so that another need not wait for its end."""
        self._until = 0.0
        with suppress(ResourceError), self._database.writing() as connection:
            connection.execute(
                delete(leases).where(leases.c.name == self._name, leases.c.holder == self._holder)
            )

    def _first(self, until: float) -> bool:
        """Take one that nobody has ever had; whether nobody has."""
        try:
            with self._database.engine.begin() as connection:
                connection.execute(insert(leases).values(name=self._name, holder=self._holder, until=until))
        except IntegrityError:
            return False
        return True
