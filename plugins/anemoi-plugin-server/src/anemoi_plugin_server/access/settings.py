"""What an operator may say about users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from anemoi.core.errors import ConfigError
from anemoi.core.times import parse_duration
from pydantic import Field

from .roles import Role


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The section ``access.provider``: who else says who a user is (OpenID Connect).

    Parameters
    ----------
    issuer
        The URL of the provider, below which ``/.well-known/openid-configuration`` is.
    client
        What this server is called there.
    secret
        What it proves that with: ``${oc.env:ANEMOI_PROVIDER_SECRET}``; none for a public client.
    scopes
        What it asks for.
    name
        The claim that is the name of a user: one that they cannot change themselves.
    groups
        The claim that lists the groups of a user.
    roles
        The groups whose members may ``view``, ``run`` or ``administrate``; who is in none may do
        what the list of users says.
    """

    issuer: str
    client: str
    secret: str | None = None
    scopes: Sequence[str] = ("openid", "profile", "email")
    name: str = "sub"
    groups: str = "groups"
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [role.name.lower() for role in Role]
        if wrong := sorted(set(self.roles) - set(known)):
            raise ConfigError(
                f"access.provider.roles has {', '.join(wrong)}.", fix=f"Roles are {', '.join(known)}."
            )


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """The section ``access``.

    Parameters
    ----------
    users
        Whether everybody has to log in; if not, whoever is on this machine is the one user.
    url
        Where browsers find this server, if not at its own address: https://forecasts.example.org.
    hosts
        Further names that it is reached by.
    proxies
        The addresses of proxies that are believed about who asks.
    provider
        A provider of identities (OpenID Connect).
    shared
        Whether users see the jobs and results of all; if not, their own, and administrators those of all.
    session
        How long a browser stays logged in.
    rate
        How many requests a user may make each second, and ten times as many at once; any if none is given.
    body
        How large a request may be, in MiB.
    upload
        How large an uploaded model may be, in GiB.
    """

    users: bool = False
    url: str | None = None
    hosts: Sequence[str] = ()
    proxies: Sequence[str] = ("127.0.0.1",)
    provider: ProviderSettings | None = None
    shared: bool = False
    session: str = "12h"
    rate: Annotated[float, Field(gt=0)] | None = 100.0
    body: Annotated[float, Field(gt=0)] = 1.0
    upload: Annotated[float, Field(gt=0)] = 8.0

    def __post_init__(self) -> None:
        parse_duration(self.session)
        parts = urlsplit(self.url or "https://host")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ConfigError(
                f"access.url is {self.url!r}.",
                fix="Write a scheme and a host: https://forecasts.example.org.",
            )
        if self.provider and not (self.users and self.url):
            raise ConfigError(
                "access.provider says who users are, but nobody has to log in, or it is not known where.",
                fix="Give access.users=true and access.url=https://HOST as well.",
            )

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return (self.url or "").startswith("https://")

    @property
    def lifetime(self) -> float:
        """How long a session lasts, in seconds."""
        return float(parse_duration(self.session).astype(int))
