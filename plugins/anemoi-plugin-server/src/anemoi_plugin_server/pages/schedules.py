"""Schedules: when each comes next, what became of its last times, and rest and end."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import Role, Runner, Viewer
from ..access.ownership import owner_seen_by
from ..http.dependencies import Parts
from ..http.schedules import LAST, Changed
from ..schedules import making
from .kinds import offered_kinds
from .rendering import render

router = APIRouter(prefix="/schedules", include_in_schema=False)


@router.get("")
def index(request: Request, user: Viewer, parts: Parts) -> Response:
    """All that the user may see."""
    found = parts.schedules.list(owner=owner_seen_by(parts, user))
    runs = parts.schedules.last_runs([each.id for each in found], most=LAST)
    jobs = parts.jobs.several([run.job for last in runs.values() for run in last if run.job])
    changed = [each.id for each in found if user.name == each.owner or user.role >= Role.ADMINISTRATE]
    return render(
        request,
        "schedules.html",
        kinds=offered_kinds(),
        schedules=found,
        runs=runs,
        jobs=jobs,
        changed=changed if user.role >= Role.RUN else [],
    )


@router.post("/{identifier}/pause")
def pause(found: Changed, _: Runner, parts: Parts) -> Response:
    """Let one rest."""
    making.pause(parts, found)
    return RedirectResponse("/schedules", 303)


@router.post("/{identifier}/resume")
def resume(found: Changed, _: Runner, parts: Parts) -> Response:
    """Let its times come again."""
    making.resume(parts, found)
    return RedirectResponse("/schedules", 303)


@router.post("/{identifier}/remove")
def remove(found: Changed, _: Runner, parts: Parts) -> Response:
    """Remove one; its jobs stay."""
    parts.schedules.remove(found.id)
    return RedirectResponse("/schedules", 303)
