"""Users and their tokens."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from anemoi.core.errors import NotThereError, RequestError
from sqlalchemy import Row, delete, insert, select, update

from ..access.roles import Role
from .engine import Database
from .tables import runs, schedules, sessions, tokens, users

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
"""What a user may be called: nothing that breaks a line of a log or a path."""

PREFIX: Final = "anemoi"
"""What tokens begin with, so that scanners of leaked secrets find them."""


@dataclass(frozen=True)
class UserRecord:
    """A user that an administrator has added.

    Parameters
    ----------
    name, role
        Who, and what they may do.
    created
        Seconds since 1970, UTC.
    """

    name: str
    role: Role
    created: float


@dataclass(frozen=True)
class TokenRecord:
    """What is known of a token, which is not the token.

    Parameters
    ----------
    id
        Its public part.
    user
        Whose it is.
    label
        What its owner calls it.
    created, expires
        Seconds since 1970, UTC; it lasts until it is revoked if ``expires`` is None.
    """

    id: str
    user: str
    label: str
    created: float
    expires: float | None


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256, which is enough for 256 random bits that nobody has to remember."""
    return hashlib.sha256(secret.encode()).hexdigest()


class UserRecords:
    """The users that an administrator has added, and their tokens.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, name: str, role: Role) -> UserRecord:
        """Add a user, or change the role of one.

        Raises
        ------
        RequestError
            If nobody can be called so.
        """
        if not NAME.fullmatch(name):
            raise RequestError(
                f"A user cannot be called {name!r}.",
                fix="Letters, digits and ._@- make a name, 100 at most, the first a letter or digit.",
            )
        with self._database.writing() as connection:
            changed = connection.execute(update(users).where(users.c.name == name).values(role=role.name))
            if changed.rowcount == 0:
                connection.execute(insert(users).values(name=name, role=role.name, created=time.time()))
        return self.get(name)

    def get(self, name: str) -> UserRecord:
        """One user.

        Raises
        ------
        NotThereError
            If there is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
        if row is None:
            raise NotThereError(
                f"There is no user {name!r}.", fix="`anemoi users list` shows those there are."
            )
        return _user(row)

    def find(self, name: str) -> UserRecord | None:
        """One user; None if there is none."""
        try:
            return self.get(name)
        except NotThereError:
            return None

    def list(self) -> Sequence[UserRecord]:
        """All users, by name."""
        with self._database.reading() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def remove(self, name: str) -> Sequence[str]:
        """Remove a user with their tokens and schedules, and log them out. Their jobs stay.

        Returns
        -------
        Sequence
            The identifiers of the schedules that have ended with them.

        Raises
        ------
        NotThereError
            If there is neither a user nor a session nor a schedule of this name.
        """
        own = select(schedules.c.id).where(schedules.c.owner == name)
        with self._database.writing() as connection:
            ended = list(connection.execute(own).scalars())
            connection.execute(delete(runs).where(runs.c.schedule.in_(ended)))
            gone = [
                connection.execute(delete(table).where(column == name)).rowcount
                for table, column in (
                    (sessions, sessions.c.user),
                    (tokens, tokens.c.user),
                    (users, users.c.name),
                    (schedules, schedules.c.owner),
                )
            ]
        if not any(gone):
            raise NotThereError(
                f"There is no user {name!r}.", fix="`anemoi users list` shows those there are."
            )
        return ended

    def issue(self, user: str, *, label: str = "", lifetime: float | None = None) -> tuple[TokenRecord, str]:
        """Make a token.

        Parameters
        ----------
        user
            Whose it is.
        label
            What its owner calls it.
        lifetime
            How long it is valid, in seconds; until it is revoked if None.

        Returns
        -------
        tuple
            What is kept, and the token, which cannot be shown again.

        Raises
        ------
        NotThereError
            If there is no such user.
        """
        self.get(user)
        identifier, secret, now = secrets.token_hex(8), secrets.token_urlsafe(32), time.time()
        token = f"{PREFIX}_{identifier}_{secret}"
        record = TokenRecord(identifier, user, label[:100], now, None if lifetime is None else now + lifetime)
        with self._database.writing() as connection:
            connection.execute(insert(tokens).values(**vars(record), digest=digest(token)))
        return record, token

    def tokens(self, user: str | None = None) -> Sequence[TokenRecord]:
        """The tokens of one user, or of all, the newest first."""
        query = select(tokens).order_by(tokens.c.created.desc(), tokens.c.id)
        if user is not None:
            query = query.where(tokens.c.user == user)
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(query)]

    def revoke(self, identifier: str, *, user: str | None = None) -> None:
        """End a token, and the sessions that began with it.

        Parameters
        ----------
        identifier
            The public part of the token.
        user
            Whose it must be.

        Raises
        ------
        NotThereError
            If there is no such token.
        """
        which = tokens.c.id == identifier
        with self._database.writing() as connection:
            gone = connection.execute(
                delete(tokens).where(which if user is None else which & (tokens.c.user == user))
            )
            if gone.rowcount:
                connection.execute(delete(sessions).where(sessions.c.token == identifier))
        if not gone.rowcount:
            raise NotThereError(
                f"There is no token {identifier!r}.", fix="`anemoi users tokens` shows those there are."
            )

    def verify(self, token: str) -> tuple[UserRecord, TokenRecord] | None:
        """Whose a token is; None if it is nobody's, has expired or was revoked.

        The token is found by its public part and compared in constant time.
        """
        prefix, _, rest = token.partition("_")
        identifier, _, _ = rest.partition("_")
        if prefix != PREFIX:
            return None
        with self._database.reading() as connection:
            row = connection.execute(
                select(tokens, users.c.role, users.c.created.label("since"))
                .join(users, users.c.name == tokens.c.user)
                .where(tokens.c.id == identifier)
            ).one_or_none()
        if row is None or not hmac.compare_digest(row.digest, digest(token)):
            return None
        if row.expires is not None and row.expires <= time.time():
            return None
        return UserRecord(row.user, Role[row.role], row.since), _token(row)


def _user(row: Row[Any]) -> UserRecord:
    return UserRecord(row.name, Role[row.role], row.created)


def _token(row: Row[Any]) -> TokenRecord:
    return TokenRecord(row.id, row.user, row.label, row.created, row.expires)
