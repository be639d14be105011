"""Server-sent events: what changes is told, from where one left, and nothing runs for who has gone."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

from sqlalchemy import event

from anemoi_plugin_server.records import State


def read(response, number):
    """The next events of a stream: their names, ids and data."""
    found, own = [], {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            key, _, value = line.partition(": ")
            own[key] = value
        elif own:
            found.append((own["event"], own["id"], json.loads(own["data"])))
            own = {}
            if len(found) == number:
                return found
    return found


def test_a_job_is_followed_to_its_end(http, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    with http.stream("GET", f"/jobs/{job.id}/events") as stream:
        lines = stream.iter_lines()

        def following():
            own = {}
            for line in lines:
                if line:
                    key, _, value = line.partition(": ")
                    own[key] = value
                else:
                    return own["event"], json.loads(own["data"])
            return None

        assert following()[0] == "state"
        running = services.jobs.claim("worker")
        name, data = following()
        assert (name, data["state"]) == ("state", "running")
        services.jobs.advance(running, 3, 12)
        name, data = following()
        assert (name, data["done"], data["total"]) == ("progress", 3, 12)
        assert data["remaining"] > 0
        services.jobs.end(running, State.FAILED, error={"what": "no", "fix": None, "exit_code": 4})
        name, data = following()
        assert (name, data["error"]["exit_code"]) == ("end", 4)
        assert following() is None


def test_who_comes_back_gets_what_is_new(http, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    running = services.jobs.claim("worker")
    services.jobs.end(running, State.FINISHED)
    with http.stream("GET", f"/jobs/{job.id}/events", headers={"last-event-id": "0"}) as stream:
        [(name, revision, _)] = read(stream, 2)
    assert (name, revision) == ("end", str(services.jobs.get(job.id).revision))
    again = http.get(f"/jobs/{job.id}/events", headers={"last-event-id": revision})
    assert (again.status_code, again.content) == (204, b"")
    assert http.get(f"/jobs/{'0' * 32}/events").status_code == 404


def test_a_job_that_is_removed_ends_its_stream(http, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    with http.stream("GET", f"/jobs/{job.id}/events") as stream:
        services.jobs.cancel(job.id)
        services.jobs.delete(job.id)
        assert {name for name, *_ in read(stream, 3)} <= {"state", "end"}


def test_all_who_watch_share_one_look_and_nothing_runs_when_they_have_gone(http, served, services):
    job = services.jobs.submit("forecast", {}, owner="local")
    watcher, looks = served[1].state.watcher, []
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(http.stream("GET", f"/jobs/{job.id}/events"))
        until(lambda: watcher._watched.total() == 8)
        event.listen(services.database.engine, "before_cursor_execute", lambda *_: looks.append(None))
        before = watcher.looks
        until(lambda: watcher.looks >= before + 10)
        assert len(looks) <= 12
    until(lambda: not watcher.watched and watcher._task.done())


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
