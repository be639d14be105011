"""Who asks, and what they may do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request


class Role(enum.IntEnum):
    """What a user may do; each includes those before it."""

    VIEW = 1
    RUN = 2
    ADMINISTRATE = 3


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
    """The user whose request this is."""
    return LOCAL


Viewer = Annotated[User, Depends(identify)]
Runner = Annotated[User, Depends(identify)]
Administrator = Annotated[User, Depends(identify)]
"""Parameters of a route: the user, who has at least this role."""
