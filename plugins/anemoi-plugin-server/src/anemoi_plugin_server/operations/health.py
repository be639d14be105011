"""Health and metrics over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ..access.identity import Viewer
from ..http.dependencies import Parts

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
def live() -> dict[str, str]:
    """Whether the process answers at all; one that does not is to be started anew."""
    return {"status": "ok"}


@router.get("/health/ready")
def ready(request: Request, parts: Parts, response: Response) -> dict[str, Any]:
    """Whether requests are to be sent here; a user is told what is wrong, others that something is."""
    found = parts.readiness.checks()
    failing = any(found.values())
    if failing:
        response.status_code = 503
    if request.state.user is None:
        found = {name: problem and "failing" for name, problem in found.items()}
    return {
        "status": "not ready" if failing else "ready",
        "checks": {name: problem or "ok" for name, problem in found.items()},
    }


@router.get("/metrics")
def metrics(_: Viewer, parts: Parts) -> Response:
    """What Prometheus reads. Where users log in, it shows a token."""
    return Response(parts.telemetry.text(), media_type=CONTENT_TYPE_LATEST)
