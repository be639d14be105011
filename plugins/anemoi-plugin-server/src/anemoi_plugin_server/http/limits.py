"""How long the body of a request may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import problem

BODY: Final = 1 << 20
"""The longest body of a request, in bytes; what uploads models has a limit of its own."""


@dataclass(frozen=True)
class BodyLimit:
    """Refuses bodies that are too long, before they are read or as they turn out to be.

    Parameters
    ----------
    app
        The application.
    uploads
        What the paths begin with whose routes limit their bodies themselves.
    """

    app: ASGIApp
    uploads: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or (scope["method"] == "PUT" and scope["path"].startswith(self.uploads)):
            await self.app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if not said.isdigit() or int(said) > BODY:
            await problem(413, _TOO_LONG, fix=_FIX, instance=scope["path"])(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY:
                raise HTTPException(413, _TOO_LONG)
            return message

        await self.app(scope, counted, send)


_TOO_LONG: Final = f"The body of a request has at most {BODY:,} bytes."
_FIX: Final = "A job names what the server has; a model is uploaded to /api/v1/models/NAME."
