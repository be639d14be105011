"""The first page: models at hand, what runs, and the last results."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ..access.identity import Viewer
from ..http.dependencies import Parts
from ..records import State
from .kinds import offered_kinds
from .rendering import PageRoute, render

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def show(request: Request, user: Viewer, parts: Parts) -> Response:
    """What is here, and what to do next."""
    return render(
        request,
        "home.html",
        user=user,
        kinds=offered_kinds(),
        models=parts.offers.model_names(),
        directory=parts.offers.models,
        waiting=parts.jobs.list(states=(State.QUEUED, State.RUNNING), limit=10),
        finished=parts.jobs.list(states=(State.FINISHED,), limit=5),
        counts=parts.jobs.counts(),
    )
