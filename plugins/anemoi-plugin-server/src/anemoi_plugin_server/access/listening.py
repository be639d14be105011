"""Whether a server may listen where it is told to, and what it says of itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from anemoi.core.errors import ConfigError

from ..settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names of this machine alone."""


def is_loopback(host: str) -> bool:
    """Whether what listens on ``host`` is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check(settings: Settings) -> None:
    """Refuse to let the whole network in without a login.

    Raises
    ------
    ConfigError
        If the address is not of this machine alone, and nobody has to log in; or if it is not known by which
        name browsers come.
    """
    if is_loopback(settings.host):
        return
    if not settings.access.users:
        raise ConfigError(
            f"{settings.host} can be reached from other machines, and nobody has to log in to this server.",
            fix="Let users log in: `anemoi users add NAME --role administrate`, `anemoi users token NAME`, "
            "and `anemoi serve --host 0.0.0.0 access.users=true access.url=https://HOST`. "
            "Or leave --host out, and come by `ssh -L 8080:localhost:8080 HOST`.",
        )
    if not settings.access.url:
        raise ConfigError(
            f"It is not known by which name browsers reach {settings.host}.",
            fix="Give it: access.url=https://HOST, or access.url=http://HOST:8080 without a proxy for TLS.",
        )


def hosts(settings: Settings) -> frozenset[str]:
    """The names by which browsers may reach a server, without ports."""
    access = settings.access
    names = {name.strip("[]").lower() for name in access.hosts}
    if access.url:
        names.add((urlsplit(access.url).hostname or "").lower())
    if is_loopback(settings.host):
        names.update(LOOPBACK, {settings.host.strip("[]").lower()})
    return frozenset(names)


def introduction(settings: Settings, address: str) -> str:
    """What ``anemoi serve`` says when it begins."""
    if settings.access.users:
        return f"{settings.access.url or address}: users log in."
    return (
        f"{address}: for one user, who may do everything: whoever is on this machine. "
        "If others work on it too, let users log in: access.users=true."
    )
