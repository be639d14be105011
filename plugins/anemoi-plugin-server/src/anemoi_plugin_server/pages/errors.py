"""Errors of pages: what the API tells as problem details, on a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

from anemoi.core.errors import AnemoiError
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .rendering import render

PROGRAMS: Final = ("/api/", "/health/", "/metrics", "/static/")
"""What the paths begin with that programs ask for, who read problem details."""

_Handler = Callable[[Request, Any], Coroutine[Any, Any, JSONResponse]]


def install(app: FastAPI) -> None:
    """Answer errors of pages with pages; the application answers all with problem details so far."""
    for kind in (AnemoiError, HTTPException, RequestValidationError, OSError, Exception):
        handler: Any = app.exception_handlers[kind]
        app.add_exception_handler(kind, _on_a_page(handler))


def _on_a_page(told: _Handler) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def handler(request: Request, error: Any) -> Response:
        answer = await told(request, error)
        if request.url.path.startswith(PROGRAMS):
            return answer
        said = json.loads(bytes(answer.body))
        page = render(
            request,
            "error.html",
            status=answer.status_code,
            what=said["detail"],
            fix=said.get("fix") or "",
            problems=said.get("problems", ()),
        )
        for name in ("WWW-Authenticate", "Retry-After"):
            if name in answer.headers:
                page.headers[name] = answer.headers[name]
        return page

    return handler
