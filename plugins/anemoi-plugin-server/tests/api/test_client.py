"""The client and `anemoi jobs`: the errors and the exit codes of the command line, from afar."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

import httpx
import pytest
from anemoi.core.cli.main import main
from anemoi.core.errors import (
    AnemoiError,
    ConfigError,
    DataError,
    NotThereError,
    PluginError,
    RequestError,
    ResourceError,
)

from anemoi_plugin_server.access.roles import Role
from anemoi_plugin_server.access.settings import AccessSettings
from anemoi_plugin_server.client import Client, token_for
from anemoi_plugin_server.client.fetching import fetch_file
from anemoi_plugin_server.records import RunState, State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

FILES = {"forecast.zarr/.zgroup": b"{}", "forecast.zarr/data/0.0": bytes(range(256)) * 8, "empty": b""}


@pytest.fixture
def url(served, monkeypatch):
    monkeypatch.setenv("ANEMOI_SERVER", served[0])
    return served[0]


@pytest.fixture
def client(url):
    with Client(url) as client:
        yield client


def test_a_job_from_its_submission_to_its_files(client, services, finished, tmp_path):
    made = client.submit("forecast", model="tiny", start="2025-12-22T00", source="analysis")
    assert client.cancel(made["id"])["state"] == "cancelled"
    client.delete(made["id"])
    job = finished(FILES)
    assert [each["id"] for each in client.list(states=["finished"])] == [job.id]
    client.fetch(job.id, tmp_path / "here")
    for path, content in FILES.items():
        assert (tmp_path / "here" / path).read_bytes() == content


def test_a_list_goes_over_pages(client, services):
    made = [services.jobs.submit("forecast", {}, owner="local").id for _ in range(53)]
    assert [job["id"] for job in client.list()] == made[::-1]


def test_a_job_is_watched_to_its_end(client, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    seen = []
    for known in client.watch(job.id):
        seen.append((known["state"], known["done"]))
        if len(seen) == 1:
            running = services.jobs.claim("worker")
            services.jobs.advance(running, 3, 4)
        elif known["done"] == 3 and known["state"] == "running":
            services.jobs.end(running, State.FINISHED, result="0" * 64, size=1)
    assert seen[0] == ("queued", 0)
    assert seen[-1] == ("finished", 3)
    assert known["result"] == "0" * 64


def test_a_server_that_is_started_anew_while_a_job_is_watched(serving, services):
    """What happened in between is told of when it is back, at the same address."""
    job = services.jobs.submit("forecast", {}, owner="local")
    with serving(services) as (url, _):
        watching = Client(url).watch(job.id)
        assert next(watching)["state"] == "queued"
        services.jobs.claim("worker")
        assert next(watching)["state"] == "running"
    services.jobs.cancel(job.id)
    services.jobs.end(services.jobs.get(job.id), State.CANCELLED)
    with serving(services, port=int(url.rpartition(":")[2])):
        assert [known["state"] for known in watching] == ["cancelled"]


@pytest.mark.parametrize(
    ("ask", "kind", "code"),
    [
        (lambda client: client.get("0" * 32), NotThereError, 3),
        (lambda client: client.submit("forecast", model="tiny", start="x"), RequestError, 2),
        (lambda client: client.submit("nothing"), PluginError, 5),
        (
            lambda client: client.submit("forecast", model="tiny", start="2031-01-01", source="analysis"),
            NotThereError,
            3,
        ),
        (lambda client: client.upload("mine", os.devnull), PluginError, 5),
        (lambda client: client.upload("mine", "/nowhere"), NotThereError, 3),
    ],
)
def test_errors_are_those_of_the_command_line(client, ask, kind, code):
    with pytest.raises(kind) as error:
        ask(client)
    assert error.value.exit_code == code


def test_a_server_that_does_not_answer(client):
    for url in ("http://127.0.0.1:1", "nonsense", "http://[", "ftp://host"):
        with pytest.raises(ResourceError, match="does not answer"):
            Client(url).get("0" * 32)


def test_an_answer_of_something_else(monkeypatch):
    client = Client("http://host")
    transport = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>Bad gateway</html>"))
    client._http = httpx.Client(base_url="http://host", transport=transport)
    with pytest.raises(AnemoiError, match="host answers 502") as error:
        client.get("0" * 32)
    assert error.value.exit_code == 6


def test_what_was_interrupted_is_gone_on_with(client, finished, tmp_path):
    job = finished(FILES)
    path, content = "forecast.zarr/data/0.0", FILES["forecast.zarr/data/0.0"]
    [entry] = [each for each in client.manifest(job.id)["files"] if each["path"] == path]
    partial = tmp_path / "forecast.zarr" / "data" / f".0.0.{entry['sha256'][:8]}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:1000])
    asked = []
    client._http.event_hooks = {"request": [lambda request: asked.append(request.headers.get("range"))]}
    client.fetch(job.id, tmp_path)
    assert "bytes=1000-" in asked
    assert (partial.parent / "0.0").read_bytes() == content
    assert not partial.exists()
    asked.clear()
    client.fetch(job.id, tmp_path)
    assert asked == [None]  # the manifest alone


def test_what_is_damaged_is_not_kept(client, finished, services, tmp_path):
    job = finished(FILES)
    kept = services.settings.place / "results" / job.result / "files" / "forecast.zarr" / "data" / "0.0"
    kept.write_bytes(kept.read_bytes()[::-1])
    with pytest.raises(DataError, match="not what the manifest"):
        client.fetch(job.id, tmp_path)
    assert [each.name for each in (tmp_path / "forecast.zarr" / "data").iterdir()] == []


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_a_manifest_that_leads_elsewhere(tmp_path, path):
    with pytest.raises(DataError, match="outside"):
        fetch_file(httpx.Client(), "/files", {"path": path, "size": 1, "sha256": "0" * 64}, tmp_path)


def test_a_token_is_for_one_server_and_nobody_else_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("ANEMOI_TOKEN", raising=False)
    assert token_for("https://host") is None
    path = tmp_path / "anemoi" / "tokens.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"https://host/": "secret"}))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="Others can read"):
        token_for("https://host")
    path.chmod(0o600)
    assert (token_for("https://host"), token_for("https://other")) == ("secret", None)
    path.write_text("[]")
    with pytest.raises(ConfigError, match="not as it should be"):
        token_for("https://host")
    monkeypatch.setenv("ANEMOI_TOKEN", "other")
    assert token_for("https://host") == "other"


def test_a_schedule_from_its_beginning_to_its_end(client):
    options = {"model": "tiny", "start": "{date}", "source": "analysis"}
    made = client.schedule("forecast", options, cron="0 0,12 * * *", patience="6h")
    assert (made["options"], made["patience"]) == (options, 21600)
    assert client.pause_schedule(made["id"])["enabled"] is False
    assert client.schedules() == [{**made, "enabled": False}]
    assert client.resume_schedule(made["id"])["enabled"] is True
    client.remove_schedule(made["id"])
    assert client.schedules() == []


def test_a_model_is_given_and_taken_back(client, tmp_path, write_checkpoint):
    write_checkpoint(tmp_path / "mine")
    client.upload("mine", tmp_path / "mine")
    client.remove_model("mine")
    assert [each["name"] for each in client.models()] == ["tiny"]
    client.submit("forecast", model="tiny", start="2025-12-22T00", source="analysis")
    with pytest.raises(RequestError, match="is needed by job"):
        client.remove_model("tiny")


def run(capsys, *words):
    code = main(["jobs", *words])
    return code, *capsys.readouterr()


def test_the_command_submits_lists_and_cancels(url, capsys, tmp_path):
    described = tmp_path / "job.yaml"
    described.write_text("kind: forecast\noptions: {model: tiny, source: analysis, members: 2}\n")
    code, out, _ = run(capsys, "submit", str(described), "start=2025-12-22", "members=3", "--json")
    job = json.loads(out)
    assert (code, job["options"]["members"], job["options"]["start"]) == (0, 3, "2025-12-22")
    code, out, _ = run(capsys, "submit", "forecast", "model=tiny", "start=2025-12-22T00")
    assert (code, len(out.strip())) == (0, 32)
    code, listed, _ = run(capsys, "list", "--limit", "1")
    assert code == 0
    assert out.strip() in listed
    assert len(listed.splitlines()) == 2
    assert run(capsys, "cancel", out.strip())[:2] == (0, "cancelled\n")
    assert run(capsys, "watch", out.strip())[0] == 130


def test_the_command_makes_lists_rests_and_removes_schedules(url, capsys, services, tmp_path):
    words = ("forecast", "model=tiny", "start={date}", "source=analysis", "--cron", "0 0,12 * * *")
    code, out, _ = run(capsys, "schedule", "add", *words)
    made = services.schedules.get(out.strip())
    assert (code, made.options["start"], made.cron) == (0, "{date}", "0 0,12 * * *")
    described = tmp_path / "job.yaml"
    described.write_text('kind: forecast\noptions: {model: tiny, source: analysis, start: "{date}"}\n')
    code, out, _ = run(capsys, "schedule", "add", str(described), "--cron", "0 6 * * *", "--json")
    assert (code, json.loads(out)["options"]["start"]) == (0, "{date}")
    assert run(capsys, "schedule", "pause", made.id)[:2] == (0, "paused\n")
    code, out, _ = run(capsys, "schedule", "list")
    assert (code, len(out.splitlines()), "paused" in out) == (0, 3, True)
    code, out, _ = run(capsys, "schedule", "resume", made.id)
    next_time = datetime.fromtimestamp(services.schedules.get(made.id).next, timezone.utc)
    assert (code, out) == (0, f"next: {next_time:%Y-%m-%dT%H}\n")
    assert run(capsys, "schedule", "remove", made.id)[0] == 0
    assert [each["id"] for each in json.loads(run(capsys, "schedule", "list", "--json")[1])] != [made.id]
    code, _, err = run(capsys, "schedule", "pause", made.id)
    assert (code, "There is no schedule" in err) == (3, True)
    code, _, err = run(capsys, "schedule", "add", *words[:-1], "at noon")
    assert (code, "'at noon' names no time" in err) == (2, True)


def test_the_list_of_schedules_tells_what_became_of_the_last_time(url, capsys, services):
    made = services.schedules.add(
        owner="local", kind="forecast", options={}, cron="0 0 * * *", patience=1.0, enabled=True, next=0.0
    )
    services.schedules.come(made, {0.0: RunState.WAITING}, 86400.0)
    [waiting] = services.schedules.waiting()
    error = {"what": "There is no state of 1970-01-01T00.", "fix": None, "exit_code": 3}
    services.schedules.note(waiting, RunState.MISSED, error=error)
    out = run(capsys, "schedule", "list")[1]
    assert "1970-01-02T00" in out
    assert "1970-01-01T00 missed There is no state of" in " ".join(out.split())


def test_the_command_ends_as_the_job_did(url, capsys, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    error = {"what": "The data are wrong.", "fix": "Choose others.", "exit_code": 4}
    services.jobs.end(services.jobs.claim("worker"), State.FAILED, error=error)
    code, out, err = run(capsys, "watch", job.id)
    assert (code, out, err) == (4, "failed\n", "Error: The data are wrong.\nChoose others.\n")


def test_the_command_fetches(url, capsys, finished, tmp_path):
    job = finished(FILES)
    code, out, _ = run(capsys, "fetch", job.id, "--output", str(tmp_path / "here"), "--json")
    assert (code, len(json.loads(out))) == (0, 3)


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("submit", "forecast", "start"), 2, "start is not KEY=VALUE"),
        (("submit", "forecast", "start=3"), 2, "start: expected str"),
        (("submit", "nothing"), 5, "no job called 'nothing'"),
        (("submit", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("watch", "0" * 32), 3, "There is no job"),
        (("fetch", "0" * 32), 3, "There is no job"),
        (("list", "--server", "http://127.0.0.1:1"), 6, "does not answer"),
    ],
)
def test_the_command_says_what_is_wrong(url, capsys, words, code, what):
    found, _, err = run(capsys, *words)
    assert (found, what in err) == (code, True)
    assert "Traceback" not in err


def test_a_server_with_users_is_shown_a_token(serving, tmp_path, monkeypatch, capsys):
    settings = Settings(directory=str(tmp_path / "server"), access=AccessSettings(users=True))
    services = Services.of(settings)
    services.users.put("ada", Role.RUN)
    _, token = services.users.issue("ada", label="", lifetime=None)
    services.jobs.submit("forecast", {}, owner="another")
    own = services.jobs.submit("forecast", {}, owner="ada")
    with serving(services) as (url, _):
        monkeypatch.setenv("ANEMOI_SERVER", url)
        monkeypatch.delenv("ANEMOI_TOKEN", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        code, _, err = run(capsys, "list")
        assert (code, "Nobody is logged in" in err) == (2, True)
        monkeypatch.setenv("ANEMOI_TOKEN", token)
        code, listed, _ = run(capsys, "list", "--json")
        assert [job["id"] for job in json.loads(listed)] == [own.id]
        assert run(capsys, "cancel", own.id)[:2] == (0, "cancelled\n")
        with pytest.raises(RequestError, match="ada may run"):
            Client(url, token).upload("mine", tmp_path / "server" / "server.sqlite")
    services.database.close()
