"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any, Final

from anemoi.core.errors import AnemoiError, NotThereError, ResourceError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MEDIA_TYPE: Final = "application/problem+json"


def install(app: FastAPI) -> None:
    """Answer every error of a request with problem details."""
    app.add_exception_handler(AnemoiError, _of_anemoi)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)


def problem(status: int, detail: str, *, fix: str | None = None, **more: Any) -> JSONResponse:
    """The answer that tells of a problem.

    Parameters
    ----------
    status
        The status of HTTP.
    detail
        What was wrong, and where.
    fix
        What to do about it.
    **more
        Further members.
    """
    body = {"type": "about:blank", "status": status, "detail": detail, "fix": fix, **more}
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def status_of(error: AnemoiError) -> int:
    """The status that an error is answered with."""
    if isinstance(error, NotThereError):
        return 404
    return 503 if isinstance(error, ResourceError) else 422


async def _of_anemoi(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnemoiError)
    return problem(status_of(error), error.what, fix=error.fix, exit_code=error.exit_code)


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        {"at": ".".join(str(part) for part in each["loc"]), "what": each["msg"]} for each in error.errors()
    ]
    return problem(422, "The request is not as the API describes it.", problems=found)
