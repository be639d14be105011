"""Each request: its identifier, its line in the log, its time."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import REQUEST
from .telemetry import Telemetry

_log = logging.getLogger("anemoi.server.requests")

HEADER: Final = "X-Request-ID"

_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What an identifier from outside may be; another is not passed on."""

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Requests:
    """Gives each request an identifier, that of a proxy if it has one: its answer, log and job have it too.

    Parameters
    ----------
    app
        What answers.
    telemetry
        What is measured.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app, self._telemetry = app, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        identifier = given if _SANE.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request"] = identifier
        REQUEST.set(identifier)
        began, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = identifier
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        # The pattern and not the path: else anybody could make as many series as there are paths.
        route = getattr(scope.get("route"), "path", "none")
        self._telemetry.requests.labels(method, route, str(status)).observe(seconds)
        if scope["path"].startswith("/health/"):
            return
        user = scope["state"].get("user")
        _log.info(
            "Request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 4),
                "user": user and user.name,
                "address": (scope.get("client") or (None,))[0],
            },
        )
