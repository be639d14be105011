"""A provider of identities: OpenID Connect, the authorization code flow with PKCE.

OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE), RFC 9207 (the issuer in the answer),
RFC 9700 (best practice).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from anemoi.core.errors import AbsentError, ConfigError, DataError, ResourceError

from ..records import Login
from .listening import is_loopback
from .roles import Role
from .settings import AccessSettings, ProviderSettings

BACK: Final = "/login/provider/back"
"""Where the provider sends browsers back to."""

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""How identities may be signed: never not at all, nor with a secret that both sides know."""

LASTING: Final = 3600.0
"""How many seconds the provider's description and keys are kept."""


@dataclass(frozen=True)
class Identity:
    """Whom a provider vouches for.

    Parameters
    ----------
    name
        Who it is.
    role
        What their groups may do; None if no group of theirs may do anything.
    """

    name: str
    role: Role | None


class Provider:
    """Sends browsers to a provider, and believes what it signs.

    Parameters
    ----------
    access
        The settings, with a provider and the URL of this server.
    transport
        What makes requests to the provider, if not the network.

    Raises
    ------
    AbsentError
        If what checks signatures is not installed.
    ConfigError
        If the provider is not reached by https.
    """

    def __init__(self, access: AccessSettings, *, transport: httpx.BaseTransport | None = None) -> None:
        try:
            import joserfc  # noqa: F401 (who has no provider does without)
        except ModuleNotFoundError as error:
            raise AbsentError(
                "A provider of identities needs a library that checks signatures.",
                requirement="anemoi-plugin-server[oidc]",
                fix="Run: pip install 'anemoi-plugin-server[oidc]'",
            ) from error
        assert access.provider is not None
        self._settings: ProviderSettings = access.provider
        issuer = urlsplit(self._settings.issuer)
        if issuer.scheme != "https" and not is_loopback(issuer.hostname or ""):
            raise ConfigError(
                f"access.provider.issuer is {self._settings.issuer!r}.",
                fix="Write a URL with https://: over http anybody on the way could sign in as anybody.",
            )
        self._back = f"{(access.url or '').rstrip('/')}{BACK}"
        self._http = httpx.Client(timeout=10.0, transport=transport)
        self._lock = threading.Lock()
        self._described: tuple[float, dict[str, Any], Any] | None = None

    def depart(self, destination: str) -> Login:
        """What a login that begins now has to bring back."""
        return Login(secrets.token_urlsafe(32), secrets.token_urlsafe(64), destination)

    def address(self, login: Login, state: str) -> str:
        """Where the browser goes to log in.

        Raises
        ------
        ResourceError
            If the provider does not answer.
        """
        challenge = hashlib.sha256(login.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client,
            "redirect_uri": self._back,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": login.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = str(self._known()[0]["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identity(self, login: Login, code: str, *, issuer: str | None = None) -> Identity:
        """Whom the provider vouches for.

        Parameters
        ----------
        login
            The login that began.
        code
            What the browser brought back.
        issuer
            Who sent it back, if it says so.

        Raises
        ------
        DataError
            If the provider refuses the code, or what it says is not signed by it for this very login.
        ResourceError
            If it does not answer.
        """
        if issuer is not None and issuer != self._settings.issuer:
            raise _not_believed("it comes from another provider")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": login.verifier,
            "client_id": self._settings.client,
        }
        if self._settings.secret:
            form["client_secret"] = self._settings.secret
        answer = self._request("POST", self._known()[0]["token_endpoint"], data=form)
        claims = self._verified(str(answer.get("id_token", "")), login.nonce)
        name = claims.get(self._settings.name)
        if not isinstance(name, str) or not (name.isascii() and name.isprintable() and 0 < len(name) <= 255):
            raise _not_believed(f"it has no {self._settings.name} that is a name")
        return Identity(name, self._role(claims.get(self._settings.groups)))

    def _role(self, groups: Any) -> Role | None:
        member = {groups} if isinstance(groups, str) else set(groups or ())
        roles = [Role[role.upper()] for role, names in self._settings.roles.items() if member & set(names)]
        return max(roles, default=None)

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        expected: dict[str, Any] = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client},
            "exp": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        try:
            try:
                decoded = jwt.decode(token, self._known()[1], algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):  # the keys may have changed since they were read
                decoded = jwt.decode(token, self._known(fresh=True)[1], algorithms=list(ALGORITHMS))
            jwt.JWTClaimsRegistry(leeway=60, **expected).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise _not_believed(f"its identity does not hold: {error}") from error
        if decoded.claims.get("azp", self._settings.client) != self._settings.client:
            raise _not_believed("its identity is for another server")
        return dict(decoded.claims)

    def _known(self, *, fresh: bool = False) -> tuple[dict[str, Any], Any]:
        from joserfc.jwk import KeySet

        with self._lock:
            if fresh or self._described is None or self._described[0] < time.monotonic():
                issuer = self._settings.issuer
                described = self._request("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if described.get("issuer") != issuer:
                    raise _not_believed(f"{issuer} says that it is {described.get('issuer')!r}")
                published: Any = self._request("GET", described["jwks_uri"])
                keys = KeySet.import_key_set(published)
                self._described = (time.monotonic() + LASTING, described, keys)
            return self._described[1], self._described[2]

    def _request(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, **more)
            if answer.status_code in (400, 401, 403):
                raise _not_believed(f"it refuses this login: HTTP {answer.status_code}")
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ResourceError(
                f"The provider of identities does not answer: {error}",
                fix="Try again, or log in with a token.",
            ) from error
        return found


def _not_believed(why: str) -> DataError:
    return DataError(f"The provider's answer is not accepted: {why}.", fix="Log in again, from /login.")
