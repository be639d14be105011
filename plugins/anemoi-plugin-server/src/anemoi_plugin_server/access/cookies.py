"""The cookies of a browser that is logged in, or on its way."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

SESSION: Final = "anemoi"
LOGIN: Final = "anemoi-login"


def read(headers: Headers, name: str, *, secure: bool) -> str | None:
    """The value of a cookie, if the browser has it."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_named(name, secure))
    except CookieError:
        return None
    return found.value if found else None


def write(response: Response, name: str, value: str, *, secure: bool, lifetime: float) -> None:
    """Give a browser a cookie: no script reads it, and no other site makes the browser send it with a POST.

    By https it is called ``__Host-...``, so that no neighbouring domain can set it.
    """
    response.set_cookie(
        _named(name, secure), value, max_age=int(lifetime), secure=secure, httponly=True, samesite="lax"
    )


def forget(response: Response, name: str, *, secure: bool) -> None:
    """Take a cookie back."""
    response.delete_cookie(_named(name, secure), secure=secure, httponly=True, samesite="lax")


def _named(name: str, secure: bool) -> str:
    return f"__Host-{name}" if secure else name
