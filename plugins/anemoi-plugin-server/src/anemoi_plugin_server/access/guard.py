"""What every request passes before any route sees it. What is not said to be public needs a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from anemoi.core.errors import ResourceError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..http.problems import problem
from . import cookies
from .identity import LOCAL, User
from .listening import hosts
from .origins import foreign, host_of
from .rates import Buckets

if TYPE_CHECKING:
    from ..services import Services

PUBLIC: Final = ("/health/", "/login", "/static/")
"""What the paths begin with that need no user."""

PROBES: Final = "/health/"
"""What may be asked by whatever name: an orchestrator asks by the address, and the answer tells nothing."""

FAILURES: Final = (0.1, 20.0)
"""How many wrong tokens or cookies a second an address may show, and how many at once."""


class Guard:
    """Lets a request through if it is for this server, from its own pages, from a user, and not one too many.

    It leaves the :class:`.User` in ``request.state.user``.

    Parameters
    ----------
    app
        What is guarded.
    services
        The parts of the server.
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app, self._services = app, services
        self._access = services.settings.access
        self._hosts = hosts(services.settings)
        rate = self._access.rate
        self._requests = Buckets(rate, 10 * rate) if rate and self._access.users else None
        self._failures = Buckets(*FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = await self._refusal(scope)
        await (refused or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that goes no further; None if it does."""
        headers, path = Headers(scope=scope), scope["path"]
        bearer, cookie = self._shown(headers)
        if bearer is None and not path.startswith(PROBES) and host_of(headers) not in self._hosts:
            return problem(
                421,
                "This server is not called so.",
                fix="Use its own address, or add the name to access.hosts.",
            )
        if bearer is None and foreign(
            scope["method"], headers, url=self._access.url, cookie=cookie is not None
        ):
            return problem(
                403,
                "This request comes from a page of another site, or does not say from where.",
                fix="Use the pages of this server; a program shows a token: Authorization: Bearer TOKEN.",
            )
        try:
            user = await run_in_threadpool(self._user, bearer, cookie)
        except ResourceError as error:
            if path.startswith(PUBLIC):
                scope.setdefault("state", {})["user"] = None
                return None
            return problem(503, error.what, fix=error.fix)
        address = (scope.get("client") or ("nowhere",))[0]
        if user is None and (bearer or cookie) and (wait := self._failures.take(address)):
            return _later(wait)
        if self._requests and (wait := self._requests.take(f"user {user.name}" if user else address)):
            return _later(wait)
        if user is None and not path.startswith(PUBLIC):
            return self._nobody(scope, headers)
        scope.setdefault("state", {})["user"] = user
        return None

    def _shown(self, headers: Headers) -> tuple[str | None, str | None]:
        """The token and the cookie of a request; a token comes first."""
        if not self._access.users:
            return None, None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip(), None
        return None, cookies.read(headers, cookies.SESSION, secure=self._access.secure)

    def _user(self, bearer: str | None, cookie: str | None) -> User | None:
        if not self._access.users:
            return LOCAL
        if bearer is not None:
            found = self._services.users.verify(bearer)
            return User(found[0].name, found[0].role) if found else None
        known = self._services.sessions.find(cookie) if cookie is not None else None
        return User(known.name, known.role) if known else None

    @staticmethod
    def _nobody(scope: Scope, headers: Headers) -> Response:
        """A person is asked to log in, a program is told to."""
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(
                f"/login?next={quote(scope['path'] + ('?' + query if query else ''), safe='')}", 303
            )
        refused = problem(
            401,
            "Nobody is logged in, or no longer.",
            fix="Log in at /login, or show a token: Authorization: Bearer TOKEN.",
        )
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused


def _later(wait: int) -> Response:
    refused = problem(429, "Too many requests.", fix=f"Try again in {wait} s.")
    refused.headers["Retry-After"] = str(wait)
    return refused
