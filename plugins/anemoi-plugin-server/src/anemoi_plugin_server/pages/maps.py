"""Results to look at: the map of one, and two beside each other."""

from __future__ import annotations

from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import User, Viewer
from ..access.ownership import owner_seen_by
from ..http.dependencies import Parts, Seen
from ..http.fields import SOURCE
from ..records import State
from ..services import Services
from .kinds import offered_kinds
from .products import brief, drawable
from .rendering import render

router = APIRouter(include_in_schema=False)

MOST = 100
"""Of so many results, the newest, two can be compared."""


@router.get("/view/{identifier}")
def view(request: Request, job: Seen, parts: Parts, file: str = "") -> Response:
    """The map of a file of a result; the job itself where there is nothing to draw."""
    files = drawable(parts.offers, job)
    if file and file not in files:
        raise NotThereError(f"The result of job {job.id} has no {file!r} that could be drawn.")
    if not files:
        return RedirectResponse(f"/jobs/{job.id}", 303)
    chosen = file or files[0]
    return render(request, "view.html", kinds=offered_kinds(), job=job, files=files, file=chosen)


@router.get("/compare")
def compare(request: Request, user: Viewer, parts: Parts, one: str = "", other: str = "") -> Response:
    """Two forecasts, or a forecast and a source, and their difference."""
    forecasts = _forecasts(parts, user)
    sources = {f"{SOURCE}{name}": f"Source {name}" for name in sorted(parts.offers.sources)}
    others = {**forecasts, **sources}
    for named, known in ((one, forecasts), (other, others)):
        if named and named not in known:
            raise NotThereError(f"There is no {named!r} to compare.", fix="Choose one at /compare.")
    return render(request, "compare.html", forecasts=forecasts, others=others, one=one, other=other)


def _forecasts(parts: Services, user: User) -> dict[str, str]:
    """The files of finished jobs, with what they were asked for."""
    found = {}
    for job in parts.jobs.list(owner=owner_seen_by(parts, user), states=(State.FINISHED,), limit=MOST):
        files = drawable(parts.offers, job)
        for file in files:
            found[f"{job.id}/{file}"] = f"{brief(job)} {file}" if len(files) > 1 else brief(job)
    return found
