"""The first page: models at hand, what runs, and the last results."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ..access.identity import Viewer
from ..access.ownership import owner_seen_by
from ..http.dependencies import Parts
from ..records import State
from .kinds import offered_kinds
from .rendering import render

router = APIRouter(include_in_schema=False)


@router.get("/")
def show(request: Request, user: Viewer, parts: Parts) -> Response:
    """What is here, and what to do next."""
    owner = owner_seen_by(parts, user)
    return render(
        request,
        "home.html",
        kinds=offered_kinds(),
        models=parts.offers.model_names(),
        directory=parts.offers.models,
        waiting=parts.jobs.list(owner=owner, states=(State.QUEUED, State.RUNNING), limit=10),
        finished=parts.jobs.list(owner=owner, states=(State.FINISHED,), limit=5),
        waits=parts.jobs.counts(owner=owner)[State.QUEUED],
    )
