"""Jobs over HTTP: what is accepted, what is refused, and lists that go on where they ended."""

from __future__ import annotations

import dataclasses
import json

import pytest
from sqlalchemy import event, insert
from sqlalchemy.exc import OperationalError

from anemoi_plugin_server.access import guard, identity
from anemoi_plugin_server.records import State
from anemoi_plugin_server.records.tables import jobs as table


def problems(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["type"]) == (answer.status_code, "about:blank")
    assert body["title"]
    return {each["at"]: each for each in body.get("problems", ())}


def test_a_job_is_queued_and_read_and_cancelled(http, forecast):
    created = http.post("/jobs", json=forecast)
    assert created.status_code == 201
    job = created.json()
    assert (job["state"], job["owner"], job["options"]) == ("queued", "local", forecast["options"])
    assert http.get(created.headers["location"].removeprefix("/api/v1")).json() == job
    assert http.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    assert http.delete(f"/jobs/{job['id']}").status_code == 204
    assert http.get(f"/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize(
    ("options", "at", "what"),
    [
        ({"leed_time": "3d"}, "leed_time", "not an option"),
        ({"members": 0}, "members", "expected int"),
        ({"members": "3"}, "members", "expected int"),
        ({"model": "other"}, "model", "no model 'other'"),
        ({"model": "../tiny"}, "model", "names a place"),
        ({"source": "/etc/passwd"}, "source", "names a place"),
        ({"output": "exe"}, "output", "writes no 'exe'"),
        ({"start": "tomorrow"}, "start", "not of the form"),
        ({"start": "2031-01-01"}, "start", "no state of 2030-12-31T18, 2031-01-01"),
        ({"lead_time": "5h"}, "lead_time", "no multiple of 6h"),
        ({"perturbation": {"_target_": "os.system"}}, "perturbation", "has a key"),
    ],
)
def test_each_wrong_option_is_told_at_its_place(http, forecast, options, at, what):
    answer = http.post("/jobs", json={**forecast, "options": {**forecast["options"], **options}})
    assert answer.status_code == 422
    assert what in problems(answer)[f"options.{at}"]["what"]
    assert answer.json()["instance"] == "/api/v1/jobs"
    assert http.get("/jobs").json()["jobs"] == []


def test_all_that_is_wrong_is_told_at_once(http):
    wrong = {"kind": "forecast", "options": {"members": 0, "start": 3}}
    assert set(problems(http.post("/jobs", json=wrong))) == {
        "options.model", "options.members", "options.start",
    }  # fmt: skip


def test_a_date_without_data_has_the_exit_code_of_the_command_line(http, forecast):
    forecast["options"]["start"] = "2031-01-01"
    assert http.post("/jobs", json=forecast).json()["exit_code"] == 3


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, ""),
        (b"[" * 100_000, 400, "parsing the body"),
        (b'{"kind": "forecast", "options": {"seed": NaN}}', 422, "nan is no number"),
        (b'{"kind": "forecast", "options": [1]}', 422, "as the API describes it"),
        (b'{"kind": "forecast", "path": "/"}', 422, "as the API describes it"),
        (b'{"kind": "nothing"}', 422, "no job called 'nothing'"),
        (b'"' + b"a" * (1 << 20) + b'"', 413, "1048576 bytes"),
    ],
)
def test_a_body_that_is_none(http, body, status, what):
    answer = http.post("/jobs", content=body, headers={"content-type": "application/json"})
    problems(answer)
    assert (answer.status_code, what in answer.json()["detail"]) == (status, True)


def test_a_body_that_turns_out_too_long_as_it_comes(http):
    parts = iter([b'"', *[b"a" * 65536] * 17, b'"'])
    answer = http.post("/jobs", content=parts, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_queue_that_is_full_for_one_is_not_for_another(http, services, forecast):
    keeping = dataclasses.replace(services.settings.keeping, queue=1)
    object.__setattr__(services.settings, "keeping", keeping)
    services.jobs.submit("forecast", {}, owner="another")
    assert http.post("/jobs", json=forecast).status_code == 201
    refused = http.post("/jobs", json=forecast)
    assert (refused.status_code, refused.json()["exit_code"]) == (429, 6)
    assert "1 jobs of local wait" in refused.json()["detail"]


def test_a_list_of_pages_has_every_job_once(http, services):
    made = [services.jobs.submit("forecast", {}, owner=owner).id for owner in "ababa"]
    for owner, wanted in (("a", made[::2]), (None, made)):
        found, page = [], {"limit": 2, **({"owner": owner} if owner else {})}
        while True:
            answer = http.get("/jobs", params=page).json()
            found += [job["id"] for job in answer["jobs"]]
            if answer["next"] is None:
                break
            page["before"] = answer["next"]
        assert found == wanted[::-1]
    assert http.get("/jobs", params={"owner": "a"}).json()["counts"]["queued"] == 3
    services.jobs.claim("worker")
    assert [job["id"] for job in http.get("/jobs", params={"state": "running"}).json()["jobs"]] == made[:1]
    for wrong in ({"before": "1"}, {"limit": 0}, {"limit": 501}, {"state": "asleep"}):
        assert http.get("/jobs", params=wrong).status_code == 422


def test_among_ten_thousand_jobs_a_page_reads_a_page_alone(services, http):
    """Whatever is asked for, an index has it in the order of the list: nothing is sorted or scanned."""
    row = {"kind": "forecast", "options": {}, "owner": "me", "state": "queued"}
    with services.database.writing() as connection:
        connection.execute(
            insert(table),
            [{**row, "id": f"{number:032x}", "created": float(number)} for number in range(10_000)],
        )
    page = http.get("/jobs", params={"limit": 3}).json()
    assert [job["created"] for job in page["jobs"]] == [9999, 9998, 9997]
    assert page["counts"]["queued"] == 10_000
    rest = http.get("/jobs", params={"before": f"5000.0-{5000:032x}", "limit": 1}).json()
    assert rest["jobs"][0]["created"] == 4999
    seen = []
    event.listen(services.database.engine, "before_cursor_execute", lambda *given: seen.append(given[2:4]))
    for owner in (None, "me"):
        for states in ((), (State.QUEUED,)):
            services.jobs.list(owner=owner, states=states, before=(5000.0, "0"), limit=3)
    with services.database.reading() as connection:
        for statement, parameters in seen.copy():
            plan = " ".join(
                row.detail
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            assert "USING INDEX" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
    assert len(seen) > 3


def test_the_job_of_another_is_seen_and_changed_by_an_administrator_alone(http, services, monkeypatch):
    job = services.jobs.submit("forecast", {}, owner="another")

    def role(role):
        monkeypatch.setattr(guard, "LOCAL", identity.User("me", role))

    role(identity.Role.RUN)
    assert http.get("/jobs").json()["counts"]["queued"] == 0
    assert http.get("/jobs", params={"owner": "another"}).json()["jobs"] == []
    for path in ("", "/log", "/suite", "/events"):
        assert http.get(f"/jobs/{job.id}{path}").status_code == 404
    assert http.post(f"/jobs/{job.id}/cancel").status_code == 404
    assert http.delete(f"/jobs/{job.id}").status_code == 404
    role(identity.Role.ADMINISTRATE)
    assert http.delete(f"/jobs/{job.id}").status_code == 422  # it waits
    assert http.post(f"/jobs/{job.id}/cancel").status_code == 200
    assert http.delete(f"/jobs/{job.id}").status_code == 204


def test_the_log_and_the_suite_name_no_place_and_no_password(http, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    assert http.get(f"/jobs/{job.id}/log").status_code == 404
    directory = services.settings.place / "work" / job.id
    directory.mkdir()
    checkpoint = services.settings.place / "models" / "tiny.safetensors"
    (directory / "suite.yaml").write_text(json.dumps({"checkpoint": str(checkpoint)}))
    (directory / "stderr").write_bytes(b"x" * (1 << 21) + b"at https://me:word@host/\n")
    (directory / "stdout").write_text("done\n")
    assert http.get(f"/jobs/{job.id}/suite").json() == {"checkpoint": "models/tiny.safetensors"}
    log = http.get(f"/jobs/{job.id}/log")
    assert log.text.endswith("at https://***@host/\n")
    assert len(log.text) <= 1 << 20
    assert http.get(f"/jobs/{job.id}/log", params={"of": "stdout"}).text == "done\n"
    assert http.get(f"/jobs/{job.id}/log", params={"of": "../../server.sqlite"}).status_code == 422


def test_a_database_that_is_gone(http, services, monkeypatch):
    def refuse(*_, **__):
        raise OperationalError("SELECT", {}, Exception("disk full"))

    monkeypatch.setattr(services.database.engine, "begin", refuse)
    answer = http.get("/jobs")
    assert (answer.status_code, answer.json()["exit_code"]) == (503, 6)
    assert answer.headers["retry-after"]
