"""Streams of events, which would never end by themselves when a server ends."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"


class Streams:
    """Ends open streams of events once :meth:`close` is called; browsers connect again, to who is there.

    Parameters
    ----------
    app
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._open: set[asyncio.Task[None]] = set()
        self._closing = False

    def close(self) -> None:
        """End those that are open, and each that begins from now on. Called in the loop of the server."""
        self._closing = True
        for task in self._open:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        streaming = False

        async def sent(message: Message) -> None:
            nonlocal streaming
            if message["type"] == "http.response.start":
                streaming = Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
                if streaming:
                    self._open.add(task)
                if self._closing:
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)
            if streaming and self._closing:
                task.cancel()

        task = asyncio.ensure_future(self.app(scope, receive, sent))
        try:
            await task
        except asyncio.CancelledError:
            if not (streaming and self._closing):
                task.cancel()
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._open.discard(task)
