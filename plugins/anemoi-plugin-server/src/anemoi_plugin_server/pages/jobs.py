"""The queue, and one job: its steps as they come, its error, and what it made."""

from __future__ import annotations

import time

from anemoi.core.errors import ConfigError
from anemoi.core.secrets import masked
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import Viewer
from ..access.ownership import owner_seen_by
from ..http.dependencies import Changed, Parts, Seen
from ..http.jobs import directory, document
from ..records import JobRecord, State
from ..services import Services
from .kinds import offered_kinds
from .products import drawable, products
from .rendering import render

router = APIRouter(prefix="/jobs", include_in_schema=False)

PAGE = 50
"""How many jobs a page of the queue has."""

TAIL = 16_000
"""How many bytes of a log are shown: the last."""


@router.get("")
def index(
    request: Request,
    user: Viewer,
    parts: Parts,
    state: str = "",
    mine: bool = False,
    before: str = "",
) -> Response:
    """The newest jobs first, a page at a time."""
    states = () if state == "" else (_state(state),)
    owner = user.name if mine else owner_seen_by(parts, user)
    shown = parts.jobs.list(owner=owner, states=states, before=_place(before), limit=PAGE + 1)
    page = shown[:PAGE]
    return render(
        request,
        "jobs.html",
        kinds=offered_kinds(),
        jobs=page,
        state=state,
        mine=mine,
        sees_all=owner_seen_by(parts, user) is None,
        counts=parts.jobs.counts(owner=owner),
        older=f"{page[-1].created!r}-{page[-1].id}" if len(shown) > PAGE else "",
        first=not before,
    )


@router.get("/{identifier}")
def show(request: Request, job: Seen, parts: Parts) -> Response:
    """All that is known of a job."""
    return render(
        request,
        "job.html",
        kinds=offered_kinds(),
        job=job,
        left=document(job)["remaining"],
        taken=(job.ended or time.time()) - job.started if job.started else None,
        suite=_text(parts, job, "suite.yaml"),
        log=_text(parts, job, "stdout") + _text(parts, job, "stderr"),
        products=products(parts.offers, job),
        drawable=drawable(parts.offers, job),
        base=str(request.base_url),
    )


@router.post("/{identifier}/cancel")
def cancel(job: Changed, parts: Parts) -> Response:
    """Cancel a job, and show it."""
    parts.jobs.cancel(job.id)
    return RedirectResponse(f"/jobs/{job.id}", 303)


def _state(name: str) -> State:
    try:
        return State(name)
    except ValueError:
        known = ", ".join(state.value for state in State)
        raise ConfigError(f"No job is ever {name!r}.", fix=f"A job is one of: {known}.") from None


def _place(before: str) -> tuple[float, str] | None:
    """Where a page goes on: after the job that was created then and is called so."""
    if not before:
        return None
    created, _, identifier = before.partition("-")
    try:
        return float(created), identifier
    except ValueError:
        raise ConfigError(f"There is no page of the queue at {before!r}.", fix="Begin at /jobs.") from None


def _text(parts: Services, job: JobRecord, name: str) -> str:
    """The end of a file in the directory of a job; empty if there is none."""
    path = directory(parts, job) / name
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        text = file.read(TAIL).decode("utf-8", errors="replace")
    told: str = masked(text)
    return told.replace(f"{parts.settings.place}/", "")
