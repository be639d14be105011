"""Jobs over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from ..access.identity import Runner, Viewer
from ..access.ownership import job_changed_by, job_seen_by, owner_seen_by
from ..records import JobRecord, State
from ..submission import submit
from .dependencies import Parts

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobRequest(BaseModel):
    """A job that is asked for."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    options: dict[str, Any] = {}


@router.post("", status_code=201)
def create(asked: JobRequest, user: Runner, parts: Parts) -> dict[str, Any]:
    """Put a job in the queue."""
    return document(submit(parts, asked.kind, asked.options, owner=user.name))


@router.get("")
def index(user: Viewer, parts: Parts, state: State | None = None, limit: int = 50) -> dict[str, Any]:
    """The newest jobs first."""
    owner = owner_seen_by(parts, user)
    found = parts.jobs.list(owner=owner, states=[state] if state else (), limit=limit)
    return {"jobs": [document(job) for job in found]}


@router.get("/{identifier}")
def show(identifier: str, user: Viewer, parts: Parts) -> dict[str, Any]:
    """One job."""
    return document(job_seen_by(parts, user, identifier))


@router.post("/{identifier}/cancel")
def cancel(identifier: str, user: Runner, parts: Parts) -> dict[str, Any]:
    """Cancel a job."""
    return document(parts.jobs.cancel(job_changed_by(parts, user, identifier).id))


def document(job: JobRecord) -> dict[str, Any]:
    """A job as JSON."""
    return {**vars(job), "state": job.state.value}
