"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from anemoi.core.errors import AnemoiError, ConfigError, NotThereError, ResourceError
from anemoi.core.secrets import masked
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..errors import ChangedError, ConflictError, ShareError

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final = (
    (NotThereError, 404),
    (ShareError, 429),
    (ResourceError, 503),
    (ConflictError, 409),
    (ChangedError, 412),
)
"""The status that an error is answered with: the first that fits."""

_KEY: Final = re.compile(r"([a-z_][\w.]*): ")

log = logging.getLogger("anemoi")


def install(app: FastAPI) -> None:
    """Answer every error of a request with problem details."""
    app.add_exception_handler(AnemoiError, _of_anemoi)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(OSError, _of_system)
    app.add_exception_handler(Exception, _of_fault)


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
        Further members, such as ``instance``: the path that was asked for.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": masked(detail),
        "fix": masked(fix),
        **more,
    }
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def status_of(error: AnemoiError) -> int:
    """The status that an error is answered with."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def problems_of(error: AnemoiError) -> Iterator[tuple[str, str, str | None]]:
    """What is wrong with single options, as far as an error tells: which option, what, and what to do."""
    if isinstance(error, ConfigError) and error.problems:
        for each in error.problems:
            yield each.key, each.what, each.fix or None
    elif match := _KEY.match(error.what):
        yield match[1], error.what[match.end() :], error.fix


async def _of_anemoi(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnemoiError)
    found = [
        {"at": f"options.{key}", "what": masked(what), "fix": masked(fix)}
        for key, what, fix in problems_of(error)
    ]
    more = {"problems": found} if found else {}
    status = status_of(error)
    answer = problem(
        422 if found and status == 404 else status,  # the options name what is not there, not the path
        error.what,
        fix=error.fix,
        instance=request.url.path,
        exit_code=error.exit_code,
        **more,
    )
    if answer.status_code in (429, 503):
        answer.headers["Retry-After"] = "10"
    return answer


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, str(error.detail), instance=request.url.path)
    answer.headers.update(error.headers or {})
    return answer


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong, path = error.errors(), request.url.path
    if wrong[0]["type"] == "json_invalid":
        return problem(400, f"The body is not JSON: {wrong[0]['ctx']['error']}.", instance=path)
    found = [
        {
            "at": ".".join(str(part) for part in each["loc"] if part != "body"),
            "what": each["msg"],
            "fix": None,
        }
        for each in wrong
    ]
    return problem(422, "The request is not as the API describes it.", instance=path, problems=found)


async def _of_system(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    log.error("The server cannot use its disk: %s", error)
    return problem(
        503,
        f"The server cannot use its disk: {error.strerror or error}.",
        instance=request.url.path,
        fix="Try again; if it stays so, tell the operator.",
    )


async def _of_fault(request: Request, error: Exception) -> JSONResponse:
    return problem(
        500,
        f"The server failed: {type(error).__name__}.",
        instance=request.url.path,
        fix="This is a fault of the server: tell the operator, who finds it in the log.",
    )
