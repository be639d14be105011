"""Jobs over HTTP."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from anemoi.core.errors import NotThereError
from anemoi.core.secrets import masked
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ..access.identity import Runner, Viewer
from ..access.ownership import owner_seen_by
from ..errors import ConflictError
from ..records import JobRecord, State
from ..results.cleaning import is_needed
from ..services import Services
from ..submission import submit
from .dependencies import Changed, Parts, Seen

router = APIRouter(prefix="/jobs", tags=["jobs"])

_CURSOR: Final = r"^\d+\.?\d*-[0-9a-f]{32}$"
_LOG: Final = 1 << 20
"""How much of the end of a log is sent, in bytes."""


class JobRequest(BaseModel):
    """A job that is asked for."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(max_length=64)]
    options: dict[str, Any] = {}


@router.post("", status_code=201)
def create(
    asked: JobRequest, request: Request, user: Runner, parts: Parts, response: Response
) -> dict[str, Any]:
    """Put a job in the queue."""
    job = submit(parts, asked.kind, asked.options, owner=user.name, request=request.state.request)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return document(job)


@router.get("")
def index(
    user: Viewer,
    parts: Parts,
    state: Annotated[list[State] | None, Query()] = None,
    owner: Annotated[str | None, Query(max_length=255)] = None,
    before: Annotated[str | None, Query(pattern=_CURSOR)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The newest jobs first; `next` is what to give as `before` for the page that follows."""
    created, _dash, last_id = (before or "").partition("-")
    owner = owner_seen_by(parts, user) or owner
    since = (float(created), last_id) if before else None
    found = parts.jobs.list(owner=owner, states=state or (), before=since, limit=limit)
    last = found[-1] if len(found) == limit else None
    page = {
        "jobs": [document(job) for job in found],
        "next": last and f"{last.created!r}-{last.id}",
        "counts": {each.value: number for each, number in parts.jobs.counts(owner=owner).items()},
    }
    return JSONResponse(page)  # which is JSON already: to check that takes twice as long as all else


@router.get("/{identifier}")
def show(job: Seen) -> dict[str, Any]:
    """One job."""
    return document(job)


@router.post("/{identifier}/cancel")
def cancel(job: Changed, _: Runner, parts: Parts) -> dict[str, Any]:
    """Cancel a job that waits, or ask one that runs to end."""
    return document(parts.jobs.cancel(job.id))


@router.delete("/{identifier}", status_code=204)
def delete(job: Changed, _: Runner, parts: Parts) -> None:
    """Forget a job that has ended. Its result goes when it is cleaned up next, unless another job has it."""
    if is_needed(parts.jobs, job):
        raise ConflictError(
            f"A job that waits or runs needs the result of {job.id}.", fix="Cancel that first."
        )
    parts.jobs.delete(job.id)


@router.get("/{identifier}/log", response_class=Response)
def log(job: Seen, parts: Parts, of: Literal["stderr", "stdout"] = "stderr") -> Response:
    """The end of what the command of a job has printed."""
    text = _end_of(directory(parts, job) / of)
    return Response(masked(text), media_type="text/plain; charset=utf-8")


@router.get("/{identifier}/suite", response_class=Response)
def suite(job: Seen, parts: Parts) -> Response:
    """The file that the command of a job takes: what to give to `anemoi` to do the same by hand."""
    text = _end_of(directory(parts, job) / "suite.yaml")
    told = masked(text).replace(f"{parts.settings.place}/", "")
    return Response(told, media_type="application/yaml; charset=utf-8")


def directory(parts: Services, job: JobRecord) -> Path:
    """The directory that a job works in."""
    return parts.settings.place / "work" / job.id


def document(job: JobRecord) -> dict[str, Any]:
    """A job as JSON; ``remaining`` is how many seconds it will take yet, as far as its steps tell."""
    remaining = None
    if job.state is State.RUNNING and job.started is not None and job.done:
        remaining = (time.time() - job.started) / job.done * max(job.total - job.done, 0)
    return {**vars(job), "options": dict(job.options), "state": job.state.value, "remaining": remaining}


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _LOG, 0))
            return file.read(_LOG).decode(errors="replace")
    except FileNotFoundError:
        raise NotThereError(
            f"The job has no {path.name}.", fix="It has not begun yet, or has been cleaned up."
        ) from None
