"""How large a request may be."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..http.problems import problem
from .settings import AccessSettings

UPLOADS: Final = "/api/v1/models/"
"""What the paths begin with that take a file."""


class BodyLimit:
    """Refuses a larger one: at once if it says how large it is, else as soon as it is too large.

    Parameters
    ----------
    app
        What reads the bodies.
    access
        How large they may be.
    """

    def __init__(self, app: ASGIApp, access: AccessSettings) -> None:
        self.app = app
        self._body, self._upload = int(access.body * 2**20), int(access.upload * 2**30)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._upload if scope["path"].startswith(UPLOADS) else self._body
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told) > limit:
            await problem(413, _too_large(limit))(scope, receive, send)
            return
        read = 0

        async def received() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self.app(scope, received, send)


def _too_large(limit: int) -> str:
    return f"The request is larger than this server takes: {limit} bytes."
