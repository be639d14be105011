"""The process that listens: its socket, its signals, and an end that cuts nobody off."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from anemoi.core.errors import ConfigError, ResourceError
from starlette.types import ASGIApp

from ..settings import Settings
from .streams import Streams


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises
    ------
    ConfigError
        If the host is no address of this machine.
    ResourceError
        If the port is taken, or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(
            f"There is no address {host!r}: {error.strerror}.",
            fix="Write --host 127.0.0.1, or an address of this machine.",
        ) from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ResourceError(
            f"Port {port} of {host} cannot be listened on: {error.strerror}.",
            fix="Choose another: anemoi serve --port 8090",
        ) from error
    return listening


def inherited(number: int) -> socket.socket:
    """A socket that listens already, from the process that started this one.

    Servers that have it from the same process share its queue: what waits there outlives each of them.

    Raises
    ------
    ConfigError
        If the file descriptor is no such socket.
    """
    try:
        listening = socket.socket(fileno=number)
        if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(0, "it does not listen")
    except OSError as error:
        raise ConfigError(
            f"File descriptor {number} is no socket that listens: {error.strerror}.",
            fix="It is for a manager of services such as systemd; leave --fd out otherwise.",
        ) from error
    return listening


def host_of(listening: socket.socket) -> str:
    """The address that a socket listens on; empty for one in the file system."""
    name = listening.getsockname()
    return str(name[0]) if isinstance(name, tuple) else ""


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    name = listening.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    return f"http://[{name[0]}]:{name[1]}" if ":" in name[0] else f"http://{name[0]}:{name[1]}"


LINGER: Final = 1.0
"""For how many seconds requests on open connections are still answered once nobody listens."""


class Server(uvicorn.Server):
    """Answers until it is told to end by SIGTERM or SIGINT; then it finishes what it is answering.

    Parameters
    ----------
    app
        What answers.
    settings
        How long answers may take at the end, and whom to believe about who asks.
    begun
        Called as soon as it answers: what takes long to begin is begun then.
    ending
        Called as soon as it is told to end.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, *, begun: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        self._streams = Streams(app)
        self._begun, self._ending = begun, ending
        super().__init__(
            uvicorn.Config(
                self._streams,
                access_log=False,
                forwarded_allow_ips=",".join(settings.access.proxies),
                lifespan="on",
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=int(settings.operations.grace),
                ws="none",
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._begun()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Note that the end has come; a second interrupt from the keyboard waits for nothing.

        The signal is not raised again when all is finished: what follows has to end as well.
        """
        self._ending()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end streams of events, and finish the other answers.

        A connection that has just been accepted is not cut off before its request is read, and one that is
        kept learns with its next answer that there will be no other.
        """
        for each in self.servers:
            each.close()
        self._streams.close()
        await asyncio.sleep(LINGER)
        await super().shutdown(sockets)
