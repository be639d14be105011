"""Schedules over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from ..access.identity import Role, Runner, Viewer
from ..access.ownership import owner_seen_by
from ..records import RunRecord, ScheduleRecord
from ..schedules import making
from .dependencies import Parts

router = APIRouter(prefix="/schedules", tags=["schedules"])

LAST: Final = 5
"""How many of the last times of each schedule a list has."""


class ScheduleRequest(BaseModel):
    """A job at set times; `{date}` in its options is the time of each run."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(max_length=64)]
    options: dict[str, Any] = {}
    cron: Annotated[str, Field(max_length=100)]
    patience: Annotated[str, Field(max_length=20)] = "12h"
    enabled: bool = True


def _seen(identifier: str, parts: Parts, user: Viewer) -> ScheduleRecord:
    found = parts.schedules.get(identifier)
    if owner_seen_by(parts, user) not in (None, found.owner):
        raise NotThereError(f"There is no schedule {identifier}.", fix="It may have been removed.")
    return found


def _changed(found: Annotated[ScheduleRecord, Depends(_seen)], user: Runner) -> ScheduleRecord:
    if found.owner != user.name and user.role < Role.ADMINISTRATE:
        raise NotThereError(
            f"{user.name} has no schedule {found.id}.", fix="Its owner, or an administrator, can change it."
        )
    return found


Seen = Annotated[ScheduleRecord, Depends(_seen)]
Changed = Annotated[ScheduleRecord, Depends(_changed)]


@router.get("")
def index(user: Viewer, parts: Parts) -> dict[str, Any]:
    """The schedules that the user may see, each with what became of its last five times."""
    found = parts.schedules.list(owner=owner_seen_by(parts, user))
    last = parts.schedules.last_runs([each.id for each in found], most=LAST)
    return {"schedules": [document(each, last[each.id]) for each in found]}


@router.post("", status_code=201)
def create(asked: ScheduleRequest, user: Runner, parts: Parts, response: Response) -> dict[str, Any]:
    """Submit a job at set times from now on, each time when its data are there."""
    made = making.make(parts, owner=user.name, **asked.model_dump())
    response.headers["Location"] = f"/api/v1/schedules/{made.id}"
    return document(made)


@router.get("/{identifier}")
def show(found: Seen, parts: Parts) -> dict[str, Any]:
    """One schedule, and what became of its last fifty times."""
    return document(found, parts.schedules.runs(found.id))


@router.put("/{identifier}")
def put(asked: ScheduleRequest, found: Changed, _: Runner, parts: Parts) -> dict[str, Any]:
    """Change a schedule."""
    values = making.checked(parts, owner=found.owner, **asked.model_dump())
    return document(parts.schedules.change(found.id, **values), parts.schedules.runs(found.id))


@router.post("/{identifier}/pause")
def pause(found: Changed, _: Runner, parts: Parts) -> dict[str, Any]:
    """Let a schedule rest: no further times come."""
    return document(making.pause(parts, found), parts.schedules.runs(found.id))


@router.post("/{identifier}/resume")
def resume(found: Changed, _: Runner, parts: Parts) -> dict[str, Any]:
    """Let times come again, from now on; those that have passed meanwhile are not made up."""
    return document(making.resume(parts, found), parts.schedules.runs(found.id))


@router.delete("/{identifier}", status_code=204)
def remove(found: Changed, _: Runner, parts: Parts) -> None:
    """Remove a schedule; its jobs stay."""
    parts.schedules.remove(found.id)


def document(schedule: ScheduleRecord, runs: Iterable[RunRecord] = ()) -> dict[str, Any]:
    """A schedule as JSON, with what became of its times, the newest first."""
    return {**vars(schedule), "runs": [{**vars(run), "state": run.state.value} for run in runs]}
