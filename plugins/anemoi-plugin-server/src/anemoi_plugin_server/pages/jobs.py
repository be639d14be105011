"""The queue, and one job: its steps as they come, its error, and what it made."""

from __future__ import annotations

import time

from anemoi.core.errors import ConfigError
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import Runner, Viewer
from ..http.dependencies import Parts
from ..records import JobRecord, State
from ..services import Services
from .kinds import offered_kinds
from .products import products
from .rendering import PageRoute, render

router = APIRouter(prefix="/jobs", route_class=PageRoute, include_in_schema=False)

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
    shown = parts.jobs.list(
        owner=user.name if mine else None, states=states, before=_place(before), limit=PAGE + 1
    )
    page = shown[:PAGE]
    return render(
        request,
        "jobs.html",
        user=user,
        kinds=offered_kinds(),
        jobs=page,
        state=state,
        mine=mine,
        counts=parts.jobs.counts(owner=user.name if mine else None),
        older=f"{page[-1].created!r}-{page[-1].id}" if len(shown) > PAGE else "",
        first=not before,
    )


@router.get("/{identifier}")
def show(request: Request, identifier: str, user: Viewer, parts: Parts) -> Response:
    """All that is known of a job."""
    job = parts.jobs.get(identifier)
    return render(
        request,
        "job.html",
        user=user,
        kinds=offered_kinds(),
        job=job,
        left=seconds_left(job, time.time()),
        taken=(job.ended or time.time()) - job.started if job.started else None,
        suite=_text(parts, job, "suite.yaml"),
        log=_text(parts, job, "stdout") + _text(parts, job, "stderr"),
        products=products(parts.offers, job),
        base=str(request.base_url),
    )


@router.post("/{identifier}/cancel")
def cancel(identifier: str, _: Runner, parts: Parts) -> Response:
    """Cancel a job, and show it."""
    parts.jobs.cancel(identifier)
    return RedirectResponse(f"/jobs/{identifier}", 303)


def seconds_left(job: JobRecord, now: float) -> float | None:
    """How long a running job takes from now on if its steps go on as they went; None if that is not known."""
    if job.state is not State.RUNNING or not job.started or not job.done or job.total <= 0:
        return None
    return (now - job.started) / job.done * max(0, job.total - job.done)


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
    path = parts.settings.place / "work" / job.id / name
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read(TAIL).decode("utf-8", errors="replace")
