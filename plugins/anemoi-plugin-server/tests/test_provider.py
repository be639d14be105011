"""Logging in at a provider of identities: what it signs for this very login is believed, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from anemoi.core.errors import ConfigError
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from anemoi_plugin_server.access.identity import Role
from anemoi_plugin_server.access.provider import Provider
from anemoi_plugin_server.access.settings import AccessSettings, ProviderSettings
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

URL = "https://forecasts.example.org"
ISSUER = "https://id.example.org/realm"
KEYS = {name: RSAKey.generate_key(2048, {"kid": name, "use": "sig"}) for name in ("one", "two")}
ROLES = {"run": ["forecasters"], "administrate": ["operators"]}


class FakeProvider(httpx.MockTransport):
    """A provider that checks what it is shown as RFC 6749 and 7636 ask, and signs what a test wants."""

    def __init__(self):
        super().__init__(self.answer)
        self.key = KEYS["one"]
        self.claims = {}
        self.changed = {}
        self.forms = []
        self.codes = {}
        self.alive = True

    def authorize(self, address):
        """What a person does there: log in, and be sent back with a code."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["redirect_uri"] == f"{URL}/login/provider/back"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    def answer(self, request):
        if not self.alive:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path.endswith("/.well-known/openid-configuration"):
            described = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
            }
            return httpx.Response(200, json={**described, **self.changed})
        if request.url.path.endswith("/keys"):
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        form = dict(parse_qsl(request.content.decode()))
        self.forms.append(form)
        asked = self.codes.pop(form["code"], None)
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (
            asked is None
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "anemoi",
            "sub": "u-17",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
        }
        return httpx.Response(200, json={"id_token": self.signed({**claims, **self.claims})})

    def signed(self, claims):
        return jwt.encode(
            {"alg": "RS256", "kid": self.key.kid}, {k: v for k, v in claims.items() if v}, self.key
        )


@pytest.fixture
def here(tmp_path):
    """A server whose users come from a provider: its parts, a browser, and the provider."""
    access = AccessSettings(
        users=True,
        url=URL,
        provider=ProviderSettings(issuer=ISSUER, client="anemoi", secret="s", roles=ROLES),
    )
    services = Services.of(Settings(directory=str(tmp_path / "server"), access=access))
    app, fake = application(services), FakeProvider()
    app.state.provider = Provider(access, transport=fake)
    fake.claims["groups"] = ["forecasters"]
    yield services, TestClient(app, base_url=URL, follow_redirects=False), fake
    services.database.close()


def login(browser, fake, *, destination="/jobs", **changed):
    departed = browser.get("/login/provider", params={"next": destination})
    assert departed.status_code == 303
    back = {**fake.authorize(departed.headers["location"]), **changed}
    return browser.get("/login/provider/back", params=back)


def test_whom_the_provider_vouches_for_is_logged_in(here):
    _, browser, fake = here
    arrived = login(browser, fake, destination="/jobs?state=failed")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/jobs?state=failed")
    assert browser.get("/api/v1/me").json() == {"name": "u-17", "role": "run"}
    assert fake.forms[0]["client_secret"] == "s"
    cookies = arrived.headers.get_list("set-cookie")
    assert any(each.startswith('__Host-anemoi-login=""') for each in cookies)  # forgotten
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "Secure" in cookie


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["forecasters", "operators"], "administrate"), ("operators", "administrate"), (["forecasters"], "run")],
)
def test_groups_are_roles_and_the_highest_holds(here, groups, role):
    _, browser, fake = here
    fake.claims["groups"] = groups
    login(browser, fake)
    assert browser.get("/api/v1/me").json()["role"] == role


def test_who_is_in_no_group_is_let_in_by_an_administrator_alone(here):
    services, browser, fake = here
    fake.claims["groups"] = ["others"]
    refused = login(browser, fake)
    assert refused.status_code == 401
    assert "anemoi users add u-17" in refused.text
    services.users.put("u-17", Role.VIEW)
    assert login(browser, fake).status_code == 303
    assert browser.get("/api/v1/me").json()["role"] == "view"
    services.users.remove("u-17")
    assert browser.get("/api/v1/me").status_code == 401


CLAIMS = {
    "another issuer": {"iss": "https://evil.example"},
    "for another server": {"aud": "other"},
    "for another among several": {"aud": ["anemoi", "other"], "azp": "other"},
    "expired": {"exp": 1000},
    "without an end": {"exp": None},
    "of another login": {"nonce": "other"},
    "of no login": {"nonce": None},
    "of nobody": {"sub": None},
    "of a name with a line": {"sub": "ada\nrole=administrate"},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS.keys())
def test_an_identity_that_is_not_for_this_login_is_refused(here, claims):
    _, browser, fake = here
    fake.claims.update(claims)
    assert login(browser, fake).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


def test_what_others_signed_or_nobody_is_refused(here):
    _, browser, fake = here

    def unsigned(claims):
        parts = ({"alg": "none"}, claims)
        return (
            ".".join(
                base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts
            )
            + "."
        )

    def of_another_key(claims):
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEYS["two"])

    def with_the_public_key_as_secret(claims):  # the confusion of algorithms
        from joserfc.jwk import OctKey

        secret = OctKey.import_key(KEYS["one"].as_pem(private=False))
        return jwt.encode({"alg": "HS256", "kid": "one"}, claims, secret, algorithms=["HS256"])

    for forged in (unsigned, of_another_key, with_the_public_key_as_secret, lambda _: "", lambda _: "a.b.c"):
        fake.signed = forged
        assert login(browser, fake).status_code == 401
        assert browser.get("/api/v1/me").status_code == 401


def test_a_provider_that_has_changed_its_key_is_believed(here):
    _, browser, fake = here
    login(browser, fake)
    fake.key = KEYS["two"]
    assert login(browser, fake).status_code == 303


@pytest.mark.parametrize(
    "changed",
    [{"state": "other"}, {"state": ""}, {"code": ""}, {"code": "other"}, {"iss": "https://evil.example"}],
)
def test_an_answer_to_another_login_is_refused(here, changed):
    _, browser, fake = here
    assert login(browser, fake, **changed).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


def test_a_login_that_another_browser_began_is_refused(here):
    """A link that logs its victim in as the attacker."""
    _, attacker, fake = here
    back = fake.authorize(attacker.get("/login/provider").headers["location"])
    victim = TestClient(attacker.app, base_url=URL, follow_redirects=False)
    assert victim.get("/login/provider/back", params=back).status_code == 401


def test_an_answer_holds_once(here):
    _, browser, fake = here
    departed = browser.get("/login/provider")
    back = fake.authorize(departed.headers["location"])
    kept = browser.cookies.get("__Host-anemoi-login")
    assert browser.get("/login/provider/back", params=back).status_code == 303
    browser.cookies.clear()
    browser.cookies.set("__Host-anemoi-login", kept)
    assert browser.get("/login/provider/back", params=back).status_code == 401


def test_a_provider_that_is_away_or_says_that_it_is_another(here):
    _, browser, fake = here
    fake.alive = False
    answer = browser.get("/login/provider")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    fake.alive, fake.changed = True, {"issuer": "https://evil.example"}
    assert browser.get("/login/provider").status_code == 503


def test_settings_that_would_let_anybody_in_are_refused():
    provider = ProviderSettings(issuer="http://id.example.org", client="anemoi")
    with pytest.raises(ConfigError, match="issuer"):
        Provider(AccessSettings(users=True, url=URL, provider=provider))
    with pytest.raises(ConfigError, match=r"access\.provider"):
        AccessSettings(provider=provider)
    with pytest.raises(ConfigError, match="roles"):
        ProviderSettings(issuer=ISSUER, client="anemoi", roles={"root": ["x"]})
