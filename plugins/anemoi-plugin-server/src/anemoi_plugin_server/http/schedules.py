"""Schedules over HTTP."""

from __future__ import annotations

import time
from typing import Annotated, Any

from anemoi.core.errors import NotThereError
from anemoi.core.times import parse_duration
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from ..access.identity import Role, Runner, Viewer
from ..access.ownership import owner_seen_by
from ..records import ScheduleRecord
from ..schedules import cron
from ..schedules.scheduler import dated
from ..services import Services
from ..submission import check_options
from .dependencies import Parts

router = APIRouter(prefix="/schedules", tags=["schedules"])


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
    """The schedules that the user may see."""
    found = parts.schedules.list(owner=owner_seen_by(parts, user))
    return {"schedules": [vars(each) for each in found]}


@router.post("", status_code=201)
def create(asked: ScheduleRequest, user: Runner, parts: Parts, response: Response) -> dict[str, Any]:
    """Submit a job at set times from now on, each time when its data are there."""
    made = parts.schedules.add(owner=user.name, **_values(parts, asked, user.name))
    response.headers["Location"] = f"/api/v1/schedules/{made.id}"
    return dict(vars(made))


@router.get("/{identifier}")
def show(found: Seen, parts: Parts) -> dict[str, Any]:
    """One schedule, and what became of its last times."""
    last = [{**vars(run), "state": run.state.value} for run in parts.schedules.runs(found.id)]
    return {**vars(found), "runs": last}


@router.put("/{identifier}")
def put(asked: ScheduleRequest, found: Changed, _: Runner, parts: Parts) -> dict[str, Any]:
    """Change a schedule, or let it rest (`enabled`)."""
    return dict(vars(parts.schedules.change(found.id, **_values(parts, asked, found.owner))))


@router.delete("/{identifier}", status_code=204)
def remove(found: Changed, _: Runner, parts: Parts) -> None:
    """Remove a schedule; its jobs stay."""
    parts.schedules.remove(found.id)


def _values(parts: Services, asked: ScheduleRequest, owner: str) -> dict[str, Any]:
    """What is recorded, once it is checked as far as it can be before its time."""
    cron.check(asked.cron)
    next_time = cron.after(asked.cron, time.time())
    check_options(parts, asked.kind, dated(asked.options, next_time), owner=owner)
    patience = float(parse_duration(asked.patience).astype(int))
    return {**asked.model_dump(), "patience": patience, "next": next_time}
