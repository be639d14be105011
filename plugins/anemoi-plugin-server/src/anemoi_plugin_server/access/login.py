"""Logging in and out with a browser: with a token, or at a provider of identities."""

from __future__ import annotations

from typing import Annotated

from anemoi.core.errors import AnemoiError, DataError
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..http.dependencies import Parts
from ..pages.rendering import render
from ..services import Services
from . import cookies
from .provider import BACK, Provider
from .roles import Role

router = APIRouter(include_in_schema=False)


@router.get("/login")
def page(request: Request, next: str = "/") -> Response:
    """The page that asks for a token, or leads to the provider."""
    return _page(request, next)


@router.post("/login")
def log_in(
    request: Request, parts: Parts, token: Annotated[str, Form()], next: Annotated[str, Form()] = "/"
) -> Response:
    """Log in with a token."""
    found = parts.users.verify(token.strip())
    if found is None:
        return _page(request, next, problem="This token is not valid, or no longer.", status=401)
    user, shown = found
    return _logged_in(request, parts, user.name, next, token=shown.id)


@router.post("/logout")
def log_out(request: Request, parts: Parts) -> Response:
    """Log out."""
    secure = parts.settings.access.secure
    if cookie := cookies.read(request.headers, cookies.SESSION, secure=secure):
        parts.sessions.end(cookie)
    answer = RedirectResponse("/login", 303)
    cookies.forget(answer, cookies.SESSION, secure=secure)
    return answer


@router.get("/login/provider")
def depart(request: Request, parts: Parts, next: str = "/") -> Response:
    """Go to the provider."""
    access = parts.settings.access
    try:
        provider = _provider(request)
        login = provider.depart(_own(next))
        state = parts.sessions.depart(login)
        answer = RedirectResponse(provider.address(login, state), 303)
    except AnemoiError as error:
        return _page(request, next, problem=str(error), status=503)
    cookies.write(answer, cookies.LOGIN, state, secure=access.secure, lifetime=600)
    return answer


@router.get(BACK)
def arrive(
    request: Request, parts: Parts, state: str = "", code: str = "", iss: str | None = None
) -> Response:
    """Come back from the provider."""
    secure = parts.settings.access.secure
    try:
        answer = _arrived(request, parts, state, code, iss)
    except AnemoiError as error:
        answer = _page(request, "/", problem=str(error), status=401)
    cookies.forget(answer, cookies.LOGIN, secure=secure)
    return answer


def _arrived(request: Request, parts: Services, state: str, code: str, issuer: str | None) -> Response:
    began = cookies.read(request.headers, cookies.LOGIN, secure=parts.settings.access.secure)
    login = parts.sessions.arrive(state) if state and state == began else None
    if login is None:
        raise DataError("This login began elsewhere, or too long ago.", fix="Log in again.")
    if not code:
        raise DataError("The provider did not log you in.", fix="Log in again.")
    identity = _provider(request).identity(login, code, issuer=issuer)
    if identity.role is None and parts.users.find(identity.name) is None:
        raise DataError(
            f"{identity.name} is in no group that may use this server.",
            fix=f"An administrator adds you: anemoi users add {identity.name} --role run",
        )
    return _logged_in(request, parts, identity.name, login.destination, role=identity.role)


def _logged_in(
    request: Request,
    parts: Services,
    user: str,
    destination: str,
    *,
    role: Role | None = None,
    token: str | None = None,
) -> Response:
    """Begin a session under a new cookie, and end the one that the browser had."""
    access = parts.settings.access
    if before := cookies.read(request.headers, cookies.SESSION, secure=access.secure):
        parts.sessions.end(before)
    cookie = parts.sessions.begin(user, lifetime=access.lifetime, role=role, token=token)
    answer = RedirectResponse(_own(destination), 303)
    cookies.write(answer, cookies.SESSION, cookie, secure=access.secure, lifetime=access.lifetime)
    return answer


def _own(destination: str) -> str:
    r"""A page of this server, whatever a link said: `//host` and `/\host` are pages of others."""
    inside = destination.startswith("/") and destination[1:2] not in ("/", "\\") and destination.isprintable()
    return destination if inside else "/"


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.provider
    if found is None:
        raise DataError("This server has no provider of identities.", fix="Log in with a token.")
    return found


def _page(request: Request, destination: str, *, problem: str | None = None, status: int = 200) -> Response:
    return render(
        request,
        "login.html",
        status=status,
        destination=_own(destination),
        problem=problem,
        provider=request.app.state.provider is not None,
    )
