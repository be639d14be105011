"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from .roles import Role

__all__ = ["LOCAL", "Administrator", "Role", "Runner", "User", "Viewer", "identify"]


@dataclass(frozen=True)
class User:
    """Who asks.

    Parameters
    ----------
    name
        Unique on the server.
    role
        What they may do.
    """

    name: str
    role: Role


LOCAL = User("local", Role.ADMINISTRATE)
"""The one user of a server that listens to its own machine alone."""


def identify(request: Request) -> User:
    """The user whose request this is, as :class:`.Guard` has found."""
    user: User | None = getattr(request.state, "user", None)
    if user is None:
        raise HTTPException(401, "Nobody is logged in.", {"WWW-Authenticate": "Bearer"})
    return user


class _AtLeast:
    """A dependency of a route: the user, if they have this role."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> User:
        user = identify(request)
        if user.role < self.role:
            may, needed = user.role.name.lower(), self.role.name.lower()
            raise HTTPException(403, f"{user.name} may {may}, and this takes one who may {needed}.")
        return user


def _user_who_may(role: Role) -> Any:
    return Depends(_AtLeast(role))


Viewer = Annotated[User, _user_who_may(Role.VIEW)]
Runner = Annotated[User, _user_who_may(Role.RUN)]
Administrator = Annotated[User, _user_who_may(Role.ADMINISTRATE)]
"""Parameters of a route: the user, who has at least this role."""
