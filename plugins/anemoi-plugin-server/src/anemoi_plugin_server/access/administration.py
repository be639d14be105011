"""Users and tokens over HTTP."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final, Literal

from anemoi.core.times import parse_duration
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from ..http.dependencies import Parts
from .identity import Administrator, Viewer
from .roles import Role

router = APIRouter(tags=["users"])

_log: Final = logging.getLogger("anemoi.server.users")


class UserRequest(BaseModel):
    """What a user is to be."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["view", "run", "administrate"]


class TokenRequest(BaseModel):
    """A token that is asked for."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, StringConstraints(max_length=100)] = ""
    lifetime: str | None = "90d"


@router.get("/me")
def me(user: Viewer) -> dict[str, Any]:
    """Who asks, and what they may do."""
    return {"name": user.name, "role": user.role.name.lower()}


@router.get("/users")
def users(_: Administrator, parts: Parts) -> dict[str, Any]:
    """All users."""
    return {"users": [_user(each) for each in parts.users.list()]}


@router.put("/users/{name}")
def put_user(name: str, asked: UserRequest, _: Administrator, parts: Parts) -> dict[str, Any]:
    """Add a user, or change the role of one."""
    return _user(parts.users.put(name, Role[asked.role.upper()]))


@router.delete("/users/{name}", status_code=204)
def remove_user(name: str, user: Administrator, parts: Parts) -> None:
    """Remove a user with their tokens, sessions and schedules; their jobs stay."""
    ended = parts.users.remove(name)
    _log.info("User %s removed", name, extra={"user": user.name})
    for schedule in ended:
        _log.warning("Schedule %s ended: its owner %s was removed", schedule, name, extra={"user": user.name})


@router.get("/tokens")
def tokens(user: Viewer, parts: Parts) -> dict[str, Any]:
    """The tokens of the user who asks."""
    return {"tokens": [vars(each) for each in parts.users.tokens(user.name)]}


@router.post("/tokens", status_code=201)
def issue_token(asked: TokenRequest, user: Viewer, parts: Parts) -> dict[str, Any]:
    """Make a token for the user who asks. It is shown this once."""
    seconds = None if asked.lifetime is None else float(parse_duration(asked.lifetime).astype(int))
    record, token = parts.users.issue(user.name, label=asked.label, lifetime=seconds)
    return {**vars(record), "token": token}


@router.delete("/tokens/{identifier}", status_code=204)
def revoke_token(identifier: str, user: Viewer, parts: Parts) -> None:
    """End a token of the user who asks; an administrator ends any."""
    parts.users.revoke(identifier, user=None if user.role >= Role.ADMINISTRATE else user.name)


def _user(record: Any) -> dict[str, Any]:
    return {**vars(record), "role": record.role.name.lower()}
