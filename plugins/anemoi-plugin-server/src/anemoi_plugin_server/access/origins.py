"""Requests that a browser was tricked into, by a name that points here (DNS rebinding) or a page (CSRF)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers

_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
"""The methods that change nothing."""


def host_of(headers: Headers) -> str:
    """The name of the host that a request is for, without its port; empty if it is malformed."""
    found = _HOST.fullmatch(headers.get("host", ""))
    return found[1].strip("[]").lower() if found else ""


def foreign(method: str, headers: Headers, *, url: str | None, cookie: bool) -> bool:
    """Whether a request that changes something comes from a page of somebody else.

    Browsers say where a request comes from in ``Sec-Fetch-Site`` (newer ones, on trustworthy addresses) or
    ``Origin`` (all, in each request that is neither GET nor HEAD), and no page can forge either.

    Parameters
    ----------
    method, headers
        Of the request; its host has been checked.
    url
        Where browsers find this server, if it is told.
    cookie
        Whether a cookie says who asks: then a browser sent it, and it has to say where from.
    """
    if method in SAFE:
        return False
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site != "same-origin"
    if origin is not None:
        return origin.rstrip("/").lower() not in _own(headers, url)
    return cookie


def _own(headers: Headers, url: str | None) -> Collection[str]:
    host = headers.get("host", "").lower()
    if url is None:
        return (f"http://{host}", f"https://{host}")
    return (url.rstrip("/").lower(),)
