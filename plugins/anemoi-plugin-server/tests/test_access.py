"""Who gets in, and who does not."""

from __future__ import annotations

import pytest
from anemoi.core.config import compose
from anemoi.core.errors import ConfigError
from click.testing import CliRunner
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from anemoi_plugin_server.access import listening
from anemoi_plugin_server.access.guard import FAILURES
from anemoi_plugin_server.access.identity import Role
from anemoi_plugin_server.access.rates import Buckets
from anemoi_plugin_server.access.settings import AccessSettings
from anemoi_plugin_server.commands.users import command as users_command
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.offers import check_references
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

from .api.conftest import write

HERE = "http://127.0.0.1:8080"
URL = "https://forecasts.example.org"
BROWSER = {"accept": "text/html"}


@pytest.fixture
def server(tmp_path):
    """A function that gives a server with some access settings, and a client of it."""
    opened = []

    def made(*, host="127.0.0.1", **access):
        settings = Settings(directory=str(tmp_path / "server"), host=host, access=AccessSettings(**access))
        services = Services.of(settings)
        opened.append(services)
        base = access.get("url") or HERE
        return services, TestClient(application(services), base_url=base, follow_redirects=False)

    yield made
    for services in opened:
        services.database.close()


def with_users(server, **access):
    """A server with a user for each role, and their tokens."""
    services, client = server(users=True, url=URL, **access)
    tokens = {}
    for name, role in (("vera", Role.VIEW), ("rune", Role.RUN), ("ada", Role.ADMINISTRATE)):
        services.users.put(name, role)
        tokens[name] = {"authorization": f"Bearer {services.users.issue(name)[1]}"}
    return services, client, tokens


def log_in(services, client, name):
    """As a browser does, by a token."""
    answer = client.post("/login", data={"token": services.users.issue(name)[1]}, headers={"origin": URL})
    assert answer.status_code == 303
    return answer


# Who listens where


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_one_user_on_this_machine_alone(host):
    settings = Settings(host=host)
    listening.check(settings)
    assert "one user" in listening.introduction(settings, HERE)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "forecasts.example.org"])
def test_no_other_address_without_a_login(host):
    with pytest.raises(ConfigError, match="can be reached from other machines") as refused:
        listening.check(Settings(host=host))
    assert "access.users=true" in refused.value.fix
    with pytest.raises(ConfigError, match="by which name"):
        listening.check(Settings(host=host, access=AccessSettings(users=True)))
    listening.check(Settings(host=host, access=AccessSettings(users=True, url=URL)))


def test_the_one_user_needs_no_token(server):
    _, client = server()
    assert client.get("/api/v1/me").json() == {"name": "local", "role": "administrate"}


# Names and origins


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[", "@127.0.0.1:1"]
)
def test_a_name_that_was_made_to_point_here_gets_nothing(server, host):
    _, client = server()
    assert client.get("/api/v1/jobs", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
def test_this_machine_is_known_by_its_names_through_any_port(server, host):
    _, client = server()
    assert client.get("/api/v1/jobs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "through"),
    [
        ({}, True),  # a program
        ({"origin": HERE}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:9999"}, False),  # another program's page on this machine
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site", "origin": HERE}, False),
    ],
)
def test_pages_of_others_change_nothing(server, headers, through):
    services, client = server()
    job = services.jobs.submit("forecast", {}, owner="local")
    answer = client.post(f"/api/v1/jobs/{job.id}/cancel", headers=headers)
    assert answer.status_code == (200 if through else 403)
    assert services.jobs.get(job.id).cancelling == through


def test_a_cookie_comes_with_where_it_comes_from(server):
    services, client, _ = with_users(server)
    log_in(services, client, "ada")
    asked = {"role": "run"}
    assert client.put("/api/v1/users/eve", json=asked).status_code == 403
    assert (
        client.put("/api/v1/users/eve", json=asked, headers={"origin": "https://evil.example"}).status_code
        == 403
    )
    assert services.users.find("eve") is None
    assert client.put("/api/v1/users/eve", json=asked, headers={"origin": URL}).status_code == 200


# Tokens and sessions


def test_nobody_gets_nothing(server):
    _, client, _ = with_users(server)
    refused = client.get("/api/v1/jobs")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.headers["content-type"] == "application/problem+json"
    asked = client.get("/jobs?state=failed", headers=BROWSER)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fjobs%3Fstate%3Dfailed")
    for path in (
        "/api/v1/openapi.json",
        "/metrics",
        "/nothing",
        "/health",
        "/static",
        "/loginx/../api/v1/me",
    ):
        assert client.get(path).status_code == 401, path


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer anemoi_0_0",
        "Basic YWRhOmFkYQ==",
        "Bearer anemoi__",
        "bearer  {}x",
        "Bearer {0}" + "é",
    ],
)
def test_a_wrong_token_is_none(server, wrong):
    services, client, _ = with_users(server)
    token = services.users.issue("ada")[1]
    headers = {"authorization": wrong.format(token).encode("latin-1")}
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_of_a_token_only_a_hash_is_kept(server, tmp_path):
    services, client, _ = with_users(server)
    record, token = services.users.issue("ada", label="laptop")
    cookie = log_in(services, client, "ada").cookies["__Host-anemoi"]
    services.database.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "server").glob("server.sqlite*"))
    assert record.id.encode() in kept
    assert token.rpartition("_")[2].encode() not in kept
    assert cookie.encode() not in kept


def test_tokens_end(server, monkeypatch):
    services, client, _ = with_users(server)
    record, token = services.users.issue("rune", lifetime=3600)
    shown = {"authorization": f"Bearer {token}"}
    assert client.get("/api/v1/me", headers=shown).json()["name"] == "rune"
    now = record.created
    monkeypatch.setattr("anemoi_plugin_server.records.users.time.time", lambda: now + 3601)
    assert client.get("/api/v1/me", headers=shown).status_code == 401
    monkeypatch.undo()
    services.users.revoke(record.id)
    assert client.get("/api/v1/me", headers=shown).status_code == 401


def test_a_session_is_that_of_its_token(server):
    services, client, _ = with_users(server)
    record, token = services.users.issue("rune")
    answer = client.post("/login", data={"token": token, "next": "/jobs"}, headers={"origin": URL})
    assert answer.headers["location"] == "/jobs"
    set_cookie = answer.headers["set-cookie"]
    assert set_cookie.startswith("__Host-anemoi=")
    for word in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"):
        assert word in set_cookie
    assert "Domain" not in set_cookie
    assert client.get("/api/v1/me").json()["name"] == "rune"
    services.users.revoke(record.id)
    assert client.get("/api/v1/me").status_code == 401


def test_a_login_is_never_that_of_a_cookie_given_before(server):
    services, client, _ = with_users(server)
    first = log_in(services, client, "rune").cookies["__Host-anemoi"]
    second = log_in(services, client, "rune").cookies["__Host-anemoi"]
    assert first != second
    assert services.sessions.find(first) is None
    assert services.sessions.find(second).name == "rune"


def test_logging_out_ends_the_session_on_the_server(server):
    services, client, _ = with_users(server)
    cookie = log_in(services, client, "rune").cookies["__Host-anemoi"]
    assert client.post("/logout", headers={"origin": URL}).status_code == 303
    assert services.sessions.find(cookie) is None


def test_what_changes_of_a_user_holds_at_once(server):
    services, client, _ = with_users(server)
    log_in(services, client, "rune")
    services.users.put("rune", Role.ADMINISTRATE)
    assert client.get("/api/v1/me").json()["role"] == "administrate"
    services.users.remove("rune")
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "/a\nb"]
)
def test_a_login_leads_to_no_other_site(server, elsewhere):
    services, client, _ = with_users(server)
    token = services.users.issue("rune")[1]
    answer = client.post("/login", data={"token": token, "next": elsewhere}, headers={"origin": URL})
    assert answer.headers["location"] == "/"


def test_the_page_of_a_login_shows_what_it_was_given_as_text(server):
    _, client, _ = with_users(server)
    text = client.get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script" not in text


# Roles


def test_roles_include_those_before(server):
    services, client, tokens = with_users(server)
    job = services.jobs.submit("forecast", {}, owner="rune").id
    requests = {
        "look": ("GET", "/api/v1/jobs", None),
        "run": ("POST", f"/api/v1/jobs/{job}/cancel", None),
        "administrate": ("GET", "/api/v1/users", None),
    }
    allowed = {
        (name, what): client.request(method, path, json=body, headers=tokens[name]).status_code
        for name in tokens
        for what, (method, path, body) in requests.items()
    }
    assert {key for key, status in allowed.items() if status == 403} == {
        ("vera", "run"),
        ("vera", "administrate"),
        ("rune", "administrate"),
    }


def routes(router):
    """All routes, however deep they are included."""
    for route in router.routes:
        if nested := getattr(route, "original_router", None):
            yield from routes(nested)
        else:
            yield route


def within(dependant):
    """What a route depends on, and what these depend on."""
    for each in dependant.dependencies:
        yield each
        yield from within(each)


def test_every_route_that_changes_something_asks_for_a_role(server):
    """A new route takes a Runner or an Administrator; what viewers may do to their own is listed here."""
    _, client = server()
    own = {"/login", "/logout", "/tokens", "/tokens/{identifier}"}
    unsafe = [
        route
        for route in routes(client.app)
        if isinstance(route, APIRoute) and route.methods - {"GET", "HEAD"} and route.path not in own
    ]
    assert unsafe
    for route in unsafe:
        needed = [getattr(each.call, "role", Role.VIEW) for each in within(route.dependant)]
        assert max(needed, default=Role.VIEW) >= Role.RUN, route.path


def test_users_see_their_own_and_administrators_all(server):
    services, client, tokens = with_users(server)
    services.users.put("rose", Role.RUN)
    tokens["rose"] = {"authorization": f"Bearer {services.users.issue('rose')[1]}"}
    job = services.jobs.submit("forecast", {}, owner="rune").id
    seen = {
        name: (
            len(client.get("/api/v1/jobs", headers=headers).json()["jobs"]),
            client.get(f"/api/v1/jobs/{job}", headers=headers).status_code,
        )
        for name, headers in tokens.items()
    }
    assert seen == {"vera": (0, 404), "rune": (1, 200), "ada": (1, 200), "rose": (0, 404)}
    assert client.post(f"/api/v1/jobs/{job}/cancel", headers=tokens["rose"]).status_code == 404
    assert not services.jobs.get(job).cancelling


def test_nothing_of_another_user_is_there(server):
    """Whatever path names a job, for looking or for changing, knows it for its owner alone."""
    services, client, tokens = with_users(server)
    services.users.put("rose", Role.RUN)
    rose = {"authorization": f"Bearer {services.users.issue('rose')[1]}"}
    job = services.jobs.cancel(services.jobs.submit("forecast", {}, owner="rune").id)
    described = client.get("/api/v1/openapi.json", headers=rose).json()["paths"]
    asked = [
        (method, path.replace("{identifier}", job.id).replace("{path}", "forecast.zarr/.zgroup"))
        for path, methods in described.items()
        if "{identifier}" in path and ("/jobs/" in path or "/results/" in path)
        for method in methods
    ]
    asked += [("get", f"/jobs/{job.id}"), ("post", f"/jobs/{job.id}/cancel"), ("get", f"/view/{job.id}")]
    assert len(asked) > 10
    statuses = {key: client.request(*key, headers={**rose, "origin": URL}).status_code for key in asked}
    assert {key: status for key, status in statuses.items() if status != 404} == {}
    assert services.jobs.get(job.id) == job
    assert client.get(f"/jobs/{job.id}", headers=tokens["rune"]).status_code == 200


def test_nothing_of_a_schedule_of_another_user_is_there(server):
    services, client, tokens = with_users(server)
    made = services.schedules.add(
        owner="ada", kind="forecast", options={}, cron="0 0 * * *", patience=1.0, enabled=True, next=0.0
    )
    headers = {**tokens["rune"], "origin": URL}
    body = {"kind": "forecast", "cron": "0 0 * * *"}
    path = f"/schedules/{made.id}"
    asked = [("get", f"/api/v1{path}"), ("put", f"/api/v1{path}"), ("delete", f"/api/v1{path}")]
    asked += [("post", f"{at}{path}/{what}") for at in ("", "/api/v1") for what in ("pause", "resume")]
    asked += [("post", f"{path}/remove")]
    for method, address in asked:
        json = body if method == "put" else None
        assert client.request(method, address, json=json, headers=headers).status_code == 404, address
    assert made.id not in client.get("/schedules", headers=headers).text
    assert services.schedules.get(made.id) == made


def test_models_are_removed_by_administrators_alone(server):
    services, client, tokens = with_users(server)
    write(services.offers.models / "tiny.safetensors")
    for name in ("vera", "rune"):
        headers = {**tokens[name], "origin": URL}
        assert client.delete("/api/v1/models/tiny", headers=headers).status_code == 403
        assert client.post("/models/tiny/remove", headers=headers).status_code == 403
        assert "Remove" not in client.get("/models/tiny", headers=headers).text
    assert "Remove tiny" in client.get("/models/tiny", headers=tokens["ada"]).text
    assert client.delete("/api/v1/models/tiny", headers=tokens["ada"]).status_code == 204


def test_what_is_shared_is_seen_by_all_and_changed_by_its_owner(server):
    services, client, tokens = with_users(server, shared=True)
    services.users.put("rose", Role.RUN)
    rose = {"authorization": f"Bearer {services.users.issue('rose')[1]}"}
    job = services.jobs.submit("forecast", {}, owner="rune").id
    assert client.get(f"/api/v1/jobs/{job}", headers=tokens["vera"]).status_code == 200
    assert client.post(f"/api/v1/jobs/{job}/cancel", headers=rose).status_code == 404
    assert client.post(f"/api/v1/jobs/{job}/cancel", headers=tokens["ada"]).status_code == 200


def test_a_user_ends_no_token_of_another(server):
    services, client, tokens = with_users(server)
    record, _ = services.users.issue("ada")
    assert client.delete(f"/api/v1/tokens/{record.id}", headers=tokens["rune"]).status_code == 404
    made = client.post("/api/v1/tokens", json={"label": "mine"}, headers=tokens["rune"]).json()
    assert made["token"].startswith("anemoi_")
    listed = client.get("/api/v1/tokens", headers=tokens["rune"]).json()["tokens"]
    assert made["id"] in [each["id"] for each in listed]
    assert "token" not in listed[0]
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=tokens["rune"]).status_code == 204


# How much, how often


def test_a_bucket_fills_as_time_passes():
    now = [0.0]
    buckets = Buckets(0.5, 3, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.take("b") == 0
    now[0] = 2.0
    assert [buckets.take("a") for _ in range(2)] == [0, 2]


def test_one_user_too_often_is_asked_to_wait_and_others_are_not(server):
    _, client, tokens = with_users(server, rate=0.3)
    answers = [client.get("/api/v1/me", headers=tokens["rune"]) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client.get("/api/v1/me", headers=tokens["vera"]).status_code == 200


def test_guessing_is_slow_and_locks_nobody_out(server):
    _, client, tokens = with_users(server)
    guessed = [
        client.get("/api/v1/me", headers={"authorization": "Bearer guess"})
        for _ in range(int(FAILURES[1]) + 1)
    ]
    assert [each.status_code for each in guessed[-2:]] == [401, 429]
    assert client.get("/api/v1/me", headers=tokens["rune"]).status_code == 200


def test_a_request_too_large_is_refused_whether_it_says_so_or_not(server):
    _, client = server(body=0.001)
    said = client.post("/api/v1/jobs", content=b"x" * 2000)
    silent = client.post(
        "/api/v1/jobs", content=(b"x" * 500 for _ in range(4)), headers={"content-type": "application/json"}
    )
    assert (said.status_code, silent.status_code) == (413, 413)
    assert client.post("/api/v1/jobs", headers={"content-length": "-1"}).status_code == 413


# What browsers are told


def test_every_answer_has_the_headers(server):
    _, client, tokens = with_users(server)
    for path, headers in (
        ("/login", {}),
        ("/nothing", {}),
        ("/api/v1/me", tokens["ada"]),
        ("/x", tokens["ada"]),
    ):
        told = client.get(path, headers=headers).headers
        policy = told["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert told["x-content-type-options"] == "nosniff"
        assert told["referrer-policy"] == "same-origin"
        assert told["cross-origin-opener-policy"] == "same-origin"
        assert told["strict-transport-security"] == "max-age=31536000"
        assert "access-control-allow-origin" not in told


def test_without_https_none_is_promised(server):
    _, client = server()
    assert "strict-transport-security" not in client.get("/api/v1/me").headers


# The command


def test_users_are_kept_by_the_command(tmp_path):
    def run(*words):
        return CliRunner().invoke(
            users_command, [*words, "--data", str(tmp_path / "data")], catch_exceptions=False
        )

    assert run("add", "ada", "--role", "administrate").exit_code == 0
    token = run("token", "ada", "--label", "laptop").stdout.strip()
    assert token.startswith("anemoi_")
    assert "ada\tadministrate" in run("list").stdout
    listed = run("tokens").stdout
    assert "laptop" in listed
    assert token not in listed
    services = Services.of(Settings(directory=str(tmp_path / "data")))
    assert services.users.verify(token)[0].role is Role.ADMINISTRATE
    assert run("revoke", token.split("_")[1]).exit_code == 0
    assert services.users.verify(token) is None
    assert run("remove", "ada").exit_code == 0
    assert services.users.list() == []
    services.database.close()


def test_what_jobs_write_holds_no_value_of_the_environment(monkeypatch):
    monkeypatch.setenv("DATA_PASSWORD", "word")
    composed = compose("serve", ["+sources.a={name: zarr, path: '${oc.env:DATA_PASSWORD}'}"])
    with pytest.raises(ConfigError, match=r"sources\.a\.path: taken from the environment"):
        check_references(composed)
    check_references(compose("serve", ["database=${oc.env:DATA_PASSWORD}"]))  # which no job sees
