"""Health, metrics and logs: what an operator sees, and what no stranger can write there."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import shutil
import sqlite3
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from anemoi.core.errors import ResourceError
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from starlette.testclient import TestClient

from anemoi_plugin_server.access.settings import AccessSettings
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.operations import logs
from anemoi_plugin_server.operations.streams import Streams
from anemoi_plugin_server.records import State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings
from anemoi_plugin_server.submission import submit

OPTIONS = {"model": "none", "start": "2025-12-22T00"}
HERE = "http://localhost"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def client(services, monkeypatch):
    monkeypatch.setattr("anemoi_plugin_server.operations.readiness.KEPT", -1.0)
    return TestClient(application(services), base_url=HERE)


def checks(client):
    answer = client.get("/health/ready")
    assert answer.status_code == (200 if answer.json()["status"] == "ready" else 503)
    return answer.json()["checks"]


def full(monkeypatch, free=2**20):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40 - free, free))


def samples(services):
    families = text_string_to_metric_families(services.telemetry.text().decode())
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


# Health


def test_a_server_that_has_all_it_needs_is_ready(client, services):
    assert client.get("/health/live").json() == {"status": "ok"}
    services.readiness.workers = lambda: 2
    assert checks(client) == {"database": "ok", "disk": "ok", "workers": "ok"}


def test_without_workers_none_is_ready_and_at_its_end_none_is(client, services):
    services.readiness.workers = lambda: 0
    assert checks(client)["workers"] == "No worker is there."
    services.readiness.workers = None
    services.readiness.end()
    assert checks(client)["server"] == "It is about to end."
    assert client.get("/health/live").status_code == 200


def test_a_full_disk_takes_no_job_says_so_and_loses_nothing(client, services, monkeypatch):
    kept = services.jobs.submit("forecast", OPTIONS, owner="local")
    full(monkeypatch)
    assert "0.00 GiB are left" in checks(client)["disk"]
    refused = client.post("/api/v1/jobs", json={"kind": "forecast", "options": OPTIONS})
    assert refused.status_code == 503
    assert "disk of the server is full" in refused.json()["detail"]
    assert "Nothing is lost" in refused.json()["fix"]
    assert [job.id for job in services.jobs.list()] == [kept.id]
    assert client.get(f"/api/v1/jobs/{kept.id}").json()["state"] == "queued"
    monkeypatch.undo()
    monkeypatch.setattr("anemoi_plugin_server.operations.readiness.KEPT", -1.0)
    assert checks(client)["disk"] == "ok"


def test_a_database_without_room_takes_nothing_by_halves(client, services):
    kept = services.jobs.submit("forecast", OPTIONS, owner="local")
    with services.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    services.database.engine.dispose()
    event.listen(
        services.database.engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages}").close()
    )
    taken, large = [kept], {"variables": ["x" * 1000]}
    with pytest.raises(ResourceError, match="full"):
        taken.extend(services.jobs.submit("forecast", large, owner="local") for _ in range(40))
    assert {job.id for job in services.jobs.list(limit=100)} == {job.id for job in taken}
    assert services.jobs.get(kept.id).options == OPTIONS


@pytest.fixture
def impatient(tmp_path, monkeypatch):
    """A server that does not wait for a locked database."""
    monkeypatch.setattr("anemoi_plugin_server.records.engine.PATIENCE", 0.05)
    monkeypatch.setattr("anemoi_plugin_server.operations.readiness.KEPT", -1.0)
    services = Services.of(Settings(directory=str(tmp_path / "server")))
    yield services, TestClient(application(services), base_url=HERE)
    services.database.close()


@pytest.mark.usefixtures("trial")
def test_a_locked_database_is_said_to_be_and_read_meanwhile(impatient, tmp_path):
    services, client = impatient
    job = services.jobs.submit("forecast", OPTIONS, owner="local")
    other = sqlite3.connect(tmp_path / "server/server.sqlite")
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in checks(client)["database"]
    refused = client.post("/api/v1/jobs", json={"kind": "trial"})
    assert (refused.status_code, "locked" in refused.json()["detail"]) == (503, True)
    assert client.get(f"/api/v1/jobs/{job.id}").status_code == 200
    other.rollback()
    other.close()
    assert checks(client)["database"] == "ok"
    assert len(services.jobs.list()) == 1


def test_nothing_is_written_into_a_database_that_was_removed(client, services):
    (services.settings.place / "server.sqlite").unlink()
    assert "removed" in checks(client)["database"]
    with pytest.raises(ResourceError, match="removed"):
        submit(services, "forecast", OPTIONS, owner="local")


def test_strangers_learn_that_something_fails_and_not_what(tmp_path, monkeypatch):
    access = AccessSettings(users=True, url="https://forecasts.example.org")
    services = Services.of(Settings(directory=str(tmp_path / "server"), access=access))
    client = TestClient(application(services), base_url="http://10.0.0.7:8080")  # as an orchestrator asks
    full(monkeypatch)
    assert checks(client) == {"database": "ok", "disk": "failing", "workers": "ok"}
    assert client.get("/metrics", headers={"host": "forecasts.example.org"}).status_code == 401
    services.database.close()


# Metrics


def test_jobs_are_counted_and_timed_through_their_states(client, services):
    for _ in range(3):
        services.jobs.submit("forecast", OPTIONS, owner="local")
    first, second = services.jobs.claim("w"), services.jobs.claim("w")
    services.jobs.end(first, State.FINISHED)
    assert not services.jobs.end(first, State.FAILED)
    services.jobs.requeue(second)
    services.jobs.claim("w")
    found = samples(services)
    assert found["anemoi_jobs", "queued"] == 1
    assert found["anemoi_jobs", "running"] == 1
    assert found["anemoi_jobs", "finished"] == 1
    assert found["anemoi_jobs_submitted_total", "forecast"] == 3
    assert found["anemoi_job_queue_seconds_count", "forecast"] == 2
    assert found["anemoi_job_seconds_count", "finished", "forecast"] == 1
    assert ("anemoi_job_seconds_count", "failed", "forecast") not in found
    assert found["anemoi_jobs_requeued_total", "forecast"] == 1
    assert found["anemoi_data_free_bytes",] > 0


def test_requests_are_timed_by_route_and_strangers_make_no_series(client, services):
    for path in ("/api/v1/jobs", "/api/v1/jobs/a", "/api/v1/jobs/b", "/x", "/y", "/z"):
        client.get(path)
    client.request("BREW", "/coffee")
    counts = {
        key: value
        for key, value in samples(services).items()
        if key[0] == "anemoi_http_request_seconds_count"
    }
    routes = {tuple(key[1:]): value for key, value in counts.items()}
    assert sum(routes.values()) == 7
    assert len(routes) <= 4
    assert not any("/x" in key or "BREW" in key for key in routes)
    assert any("{identifier}" in part for key in routes for part in key)


def test_a_database_that_is_away_costs_other_metrics_nothing(client, services, monkeypatch):
    def gone():
        raise ResourceError("gone")

    monkeypatch.setattr(services.jobs, "counts", gone)
    text = client.get("/metrics").text
    assert "anemoi_http_request_seconds_count" in text or "anemoi_workers" in text


# Logs


@pytest.fixture
def lines():
    """The lines of the log as JSON."""
    stream, log = io.StringIO(), logging.getLogger("anemoi.server")
    handler = logs.handler("json", stream)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.removeHandler(handler)


@pytest.mark.usefixtures("trial")
def test_a_request_and_its_job_are_found_by_one_identifier(client, services, lines):
    answer = client.post("/api/v1/jobs", json={"kind": "trial"}, headers={"x-request-id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    job = services.jobs.claim("worker")
    assert job.request == "abc-1"
    services.jobs.end(job, State.FINISHED)
    told = [(each["message"], each.get("job"), each["request"]) for each in lines()]
    assert told == [
        ("Job queued", job.id, "abc-1"),
        ("Request", None, "abc-1"),
        ("Job running", job.id, "abc-1"),
        ("Job finished", job.id, "abc-1"),
    ]


@pytest.mark.parametrize("given", ["a\tb", "x" * 65, "ä", "", '"}', "a b", "${jndi:ldap://x}"])
def test_an_identifier_that_is_none_is_not_passed_on(client, given):
    answered = client.get("/api/v1/me", headers={"x-request-id": given.encode()}).headers["x-request-id"]
    assert answered != given
    assert len(answered) == 16


def test_nobody_writes_lines_of_the_log(client, lines):
    client.get('/api/v1/jobs/x%0a{"level":"error","message":"forged"}%1b[2J')
    (line,) = lines()
    assert line["message"] == "Request"
    assert "forged" in line["path"]


def test_a_line_for_people_is_one_line_and_has_no_password():
    record = logging.LogRecord("x", 20, "", 0, "a\nb\x1b[2J %s", ("postgresql://ada:secret@host/x",), None)
    text = logs.TextLines().format(record)
    assert "\n" not in text
    assert "\x1b" not in text
    assert "secret" not in text
    assert "secret" not in logs.JsonLines().format(record)


# Streams


def test_streams_of_events_end_with_the_server_and_other_answers_go_on():
    ended = []

    async def app(scope, receive, send):
        kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        try:
            await asyncio.sleep(0.2 if kind == b"text/plain" else 3600)
        finally:
            ended.append(scope["path"])
        await send({"type": "http.response.body", "body": b"done", "more_body": False})

    async def asked(streams, path):
        sent = []

        async def send(message):
            sent.append(message)

        await streams({"type": "http", "path": path}, None, send)
        return sent[-1]

    async def both():
        streams = Streams(app)
        asking = [asyncio.ensure_future(asked(streams, path)) for path in ("/events", "/file")]
        await asyncio.sleep(0.05)
        streams.close()
        late = await asked(streams, "/events")
        return await asyncio.gather(*asking), late

    with ThreadPoolExecutor(1) as thread:  # the browser tests keep a loop running in this one
        (events, file), late = thread.submit(asyncio.run, both()).result()
    assert events == late == {"type": "http.response.body", "body": b"", "more_body": False}
    assert file["body"] == b"done"
    assert sorted(ended) == ["/events", "/events", "/file"]
