"""Browsers that are logged in, or on their way to be."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select

from ..access.roles import Role
from .engine import Database
from .tables import logins, sessions
from .users import UserRecord, UserRecords, digest

ON_THE_WAY: Final = 600.0
"""How many seconds a login at a provider may take."""


@dataclass(frozen=True)
class Login:
    """A login at a provider that has begun.

    Parameters
    ----------
    nonce
        What its answer must hold, so that it answers this login (OpenID Connect Core 1.0, 3.1.2.1).
    verifier
        What proves that the same server began and ends it (PKCE, RFC 7636).
    destination
        The page that was asked for.
    """

    nonce: str
    verifier: str
    destination: str


class SessionRecords:
    """Sessions: the browser has a random cookie, the database its SHA-256.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users = UserRecords(database)

    def begin(self, user: str, *, lifetime: float, role: Role | None = None, token: str | None = None) -> str:
        """Log a user in, and give the value of the cookie.

        Parameters
        ----------
        user
            The name.
        lifetime
            How long the session lasts, in seconds.
        role
            What they may do, if a provider says so; it is looked up among the users each time if None.
        token
            The public part of the token that was shown: the session ends when it is revoked.
        """
        cookie, now = secrets.token_urlsafe(32), time.time()
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= now))
            connection.execute(
                insert(sessions).values(
                    digest=digest(cookie),
                    user=user,
                    role=role and role.name,
                    token=token,
                    expires=now + lifetime,
                )
            )
        return cookie

    def find(self, cookie: str) -> UserRecord | None:
        """Who has a cookie; None if nobody has it, or no longer."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(sessions).where(sessions.c.digest == digest(cookie), sessions.c.expires > time.time())
            ).one_or_none()
        if row is None:
            return None
        return self._users.find(row.user) if row.role is None else UserRecord(row.user, Role[row.role], 0.0)

    def end(self, cookie: str) -> None:
        """Log out."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest(cookie)))

    def depart(self, login: Login) -> str:
        """Begin a login at a provider, and give its ``state``, which the browser keeps in a cookie too."""
        state, now = secrets.token_urlsafe(32), time.time()
        with self._database.writing() as connection:
            connection.execute(delete(logins).where(logins.c.expires <= now))
            connection.execute(
                insert(logins).values(digest=digest(state), expires=now + ON_THE_WAY, **vars(login))
            )
        return state

    def arrive(self, state: str) -> Login | None:
        """Take a login that has begun, once; None if there is none."""
        which = (logins.c.digest == digest(state)) & (logins.c.expires > time.time())
        with self._database.writing() as connection:
            row = connection.execute(select(logins).where(which)).one_or_none()
            taken = connection.execute(delete(logins).where(which)).rowcount
        return Login(row.nonce, row.verifier, row.destination) if row is not None and taken else None
