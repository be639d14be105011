"""The events of a job, as they happen (server-sent events)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from ..records import ENDED, JobRecord
from .dependencies import Seen
from .jobs import document
from .watching import Watcher

router = APIRouter(prefix="/jobs", tags=["jobs"])

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Nobody between the server and the browser keeps them back."""


@router.get("/{identifier}/events", response_class=StreamingResponse)
async def events(
    request: Request, job: Seen, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """What happens to a job, as server-sent events, until it ends.

    `state` is the job; `progress` is `done`, `total` and `remaining` (s); `end` is the job as it stays. Each
    has the revision of the job as its id: who comes back with it as `Last-Event-ID` gets what is new.
    """
    if job.state in ENDED and last_event_id == str(job.revision):
        return Response(status_code=204)  # which tells a browser not to come back
    stream = _stream(request, job, last_event_id)
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


async def _stream(request: Request, job: JobRecord, last: str | None) -> AsyncIterator[str]:
    watcher: Watcher = request.app.state.watcher
    if last != str(job.revision):
        yield _event("end" if job.state in ENDED else "state", job, document(job))
    async for found in watcher.changes(job):
        if await request.is_disconnected():
            return
        if found is None:
            yield ": nothing new\n\n"
            continue
        if found.state in ENDED:
            yield _event("end", found, document(found))
        elif (found.state, found.attempt, found.cancelling) != (job.state, job.attempt, job.cancelling):
            yield _event("state", found, document(found))
        else:
            whole = document(found)
            yield _event("progress", found, {key: whole[key] for key in ("done", "total", "remaining")})
        job = found


def _event(name: str, job: JobRecord, data: dict[str, Any]) -> str:
    return f"id: {job.revision}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
