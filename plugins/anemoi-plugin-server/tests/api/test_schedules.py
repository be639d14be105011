"""Schedules: every time comes once, waits for its data, and is told of when it is missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from anemoi.core.errors import ConfigError, NotThereError, ResourceError

from anemoi_plugin_server.access.roles import Role
from anemoi_plugin_server.records import RunState
from anemoi_plugin_server.schedules import cron, making
from anemoi_plugin_server.schedules.scheduler import Scheduler, dated

HOUR = 3600.0
TWICE = "0 0,12 * * *"
OPTIONS = {"model": "tiny", "start": "{date}", "source": "analysis"}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.getfixturevalue("postgresql").make() if request.param == "postgresql" else None


@pytest.fixture
def schedule(services):
    def make(first, options=OPTIONS, patience=12 * HOUR, owner="me"):
        return services.schedules.add(
            owner=owner,
            kind="forecast",
            options=options,
            cron=TWICE,
            patience=patience,
            enabled=True,
            next=at(first),
        )

    return make


def states(services, made):
    return [(run.time, run.state.value) for run in services.schedules.runs(made.id)]


def test_times_are_those_of_cron_in_utc():
    first = at("2025-12-22T00")
    assert cron.due(TWICE, first, first - 1, most=9) == ([], first)
    times, following = cron.due(TWICE, first, at("2025-12-23T11:59"), most=9)
    assert times == [first, first + 12 * HOUR, first + 24 * HOUR]
    assert following == first + 36 * HOUR
    assert cron.due(TWICE, first, first + 365 * 24 * HOUR, most=3)[0][0] == first + 364 * 24 * HOUR


@pytest.mark.parametrize(
    "text",
    ["", "x", "* * * *", "* * * * * *", "0 25 * * *", "0 0 31 2 *", "R R * * *", "@daily", "0 0 * * 1/0"],
)
def test_what_is_no_time(text):
    with pytest.raises(ConfigError, match="names no time"):
        cron.check(text)


def test_the_date_is_put_in_however_deep():
    assert dated({"a": ["{date}", {"b": "x{date}"}], "c": 1}, at("2025-12-22T12")) == {
        "a": ["2025-12-22T12", {"b": "x2025-12-22T12"}],
        "c": 1,
    }


def test_a_job_is_submitted_at_each_time_and_no_earlier(services, schedule):
    made = schedule("2025-12-22T00")
    scheduler = Scheduler(services)
    scheduler.look(at("2025-12-21T23:59"))
    assert services.jobs.list() == []
    for moment in ("2025-12-22T00:01", "2025-12-22T00:02", "2025-12-22T12", "2025-12-22T13"):
        scheduler.look(at(moment))
    jobs = services.jobs.list()
    assert [(job.options["start"], job.owner, job.schedule) for job in jobs] == [
        ("2025-12-22T12", "me", made.id),
        ("2025-12-22T00", "me", made.id),
    ]
    assert [run.job for run in services.schedules.runs(made.id)] == [job.id for job in jobs]


def test_two_servers_submit_a_job_once(services, schedule):
    for number in range(4):
        schedule(f"2025-12-{10 + number}T00")
    schedulers = [Scheduler(services) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        for _ in range(2):
            for looked in [
                threads.submit(each.look, at("2025-12-20T00")) for each in schedulers for _ in range(2)
            ]:
                looked.exception()  # one may find the database locked, and looks again
    schedulers[0].look(at("2025-12-20T00"))
    jobs = services.jobs.list(limit=500)
    assert len(jobs) == len({(job.schedule, job.options["start"]) for job in jobs}) == 4


def test_a_server_that_dies_before_it_notes_the_job_submits_no_second(services, schedule, monkeypatch):
    made = schedule("2025-12-22T00")

    def die(*_, **__):
        raise ResourceError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(services.schedules, "note", die)
        with pytest.raises(ResourceError):
            Scheduler(services).look(at("2025-12-22T00"))
    services.jobs.cancel(services.jobs.list()[0].id)
    Scheduler(services).look(at("2025-12-22T00:01"))
    [job] = services.jobs.list()
    assert (services.schedules.runs(made.id)[0].job, job.state.value) == (job.id, "cancelled")


def test_a_run_waits_for_its_data_as_long_as_its_patience_lasts(services, schedule, monkeypatch):
    """The sample ends with 26 December 18 UTC."""
    made = schedule("2025-12-27T00", patience=3 * HOUR)
    scheduler = Scheduler(services)
    scheduler.look(at("2025-12-27T00:10"))
    [run] = services.schedules.runs(made.id)
    assert (run.state, "no state of" in run.error["what"], run.error["exit_code"]) == (
        RunState.WAITING,
        True,
        3,
    )
    monkeypatch.setattr("anemoi_plugin_server.dates.check_there", lambda *_: None)
    scheduler.look(at("2025-12-27T02:59"))
    assert states(services, made) == [(at("2025-12-27T00"), "submitted")]
    monkeypatch.undo()
    scheduler.look(at("2025-12-27T12:10"))
    scheduler.look(at("2025-12-27T15:01"))
    assert states(services, made)[0] == (at("2025-12-27T12"), "missed")
    assert "no state of" in services.schedules.runs(made.id)[0].error["what"]


def test_after_the_server_was_down_the_last_time_is_made_up(services, schedule):
    made = schedule("2025-12-20T00")
    Scheduler(services).look(at("2025-12-22T01"))
    told = states(services, made)
    assert told[0] == (at("2025-12-22T00"), "submitted")
    assert [state for _, state in told[1:]] == ["missed"] * 4
    assert services.schedules.get(made.id).next == at("2025-12-22T12")


def test_what_waiting_would_not_mend_has_failed(services, schedule):
    made = schedule("2025-12-22T00", {**OPTIONS, "model": "removed"})
    Scheduler(services).look(at("2025-12-22T00"))
    [run] = services.schedules.runs(made.id)
    assert (run.state, "no model 'removed'" in run.error["what"]) == (RunState.FAILED, True)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ("0 0,12 * * *", "every day at 00:00 and 12:00 UTC"),
        ("30 6 * * *", "every day at 06:30 UTC"),
        ("0 0,6,12 * * *", "every day at 00:00, 06:00 and 12:00 UTC"),
        ("0 */6 * * *", "at 0 */6 * * * (cron, UTC)"),
        ("0 0 * * 1", "at 0 0 * * 1 (cron, UTC)"),
    ],
)
def test_times_in_words(times, words):
    assert cron.in_words(times) == words


def test_the_last_times_of_each_are_told(services, schedule):
    made = [schedule("2025-12-22T00"), schedule("2025-12-23T00"), schedule("2025-12-26T00")]
    Scheduler(services).look(at("2025-12-24T13"))
    last = services.schedules.last_runs([each.id for each in made], most=2)
    assert {key: [run.time for run in runs] for key, runs in last.items()} == {
        made[0].id: [at("2025-12-24T12"), at("2025-12-24T00")],
        made[1].id: [at("2025-12-24T12"), at("2025-12-24T00")],
        made[2].id: [],
    }


def test_a_schedule_ends_with_its_owner_and_their_jobs_stay(services, schedule):
    services.users.put("ada", Role.RUN)
    hers, other = schedule("2025-12-22T00", owner="ada"), schedule("2025-12-22T00")
    Scheduler(services).look(at("2025-12-22T00"))
    assert services.users.remove("ada") == [hers.id]
    Scheduler(services).look(at("2025-12-22T12"))
    assert [each.id for each in services.schedules.list()] == [other.id]
    assert services.schedules.runs(hers.id) == []
    assert sorted(job.owner for job in services.jobs.list()) == ["ada", "me", "me"]


def test_that_a_schedule_ended_with_its_owner_is_told_in_the_log(http, services, schedule, caplog):
    services.users.put("ada", Role.RUN)
    made = schedule("2025-12-22T00", owner="ada")
    assert http.delete("/users/ada").status_code == 204
    told = [record.getMessage() for record in caplog.records if record.name == "anemoi.server.users"]
    assert told == ["User ada removed", f"Schedule {made.id} ended: its owner ada was removed"]


def test_who_may_run_no_job_any_more_has_none_run_by_a_schedule(services, schedule):
    services.users.put("ada", Role.VIEW)
    made = schedule("2025-12-22T00", owner="ada")
    Scheduler(services).look(at("2025-12-22T00"))
    [run] = services.schedules.runs(made.id)
    assert (run.state, "ada may view" in run.error["what"], services.jobs.list()) == (
        RunState.FAILED,
        True,
        [],
    )


def test_what_passes_while_a_schedule_rests_is_not_made_up(http, services, monkeypatch):
    monkeypatch.setattr(making, "time", SimpleNamespace(time=lambda: at("2025-12-22T13")))
    asked = {"kind": "forecast", "options": OPTIONS, "cron": TWICE}
    made = http.post("/schedules", json=asked).json()
    path = f"/schedules/{made['id']}"
    assert http.post(f"{path}/pause").json()["enabled"] is False
    Scheduler(services).look(made["next"] + 1)
    assert http.get(path).json()["runs"] == []
    services.schedules.change(made["id"], next=at("2025-12-22T00"))  # as if it had rested for long
    assert http.post(f"{path}/resume").json()["next"] == made["next"]
    Scheduler(services).look(made["next"] - 1)
    assert http.get(path).json()["runs"] == []
    services.schedules.change(made["id"], next=at("2025-12-22T00"))
    assert http.post(f"{path}/resume").json()["next"] == at("2025-12-22T00")  # it does not rest


def test_schedules_over_http(http, services):
    asked = {"kind": "forecast", "options": OPTIONS, "cron": TWICE, "patience": "6h"}
    made = http.post("/schedules", json=asked)
    assert (made.status_code, made.json()["patience"], made.json()["owner"]) == (201, 6 * HOUR, "local")
    path = f"/schedules/{made.json()['id']}"
    assert http.get("/schedules").json()["schedules"] == [made.json()]
    assert http.get(path).json()["runs"] == []
    assert http.put(path, json={**asked, "enabled": False}).json()["enabled"] is False
    for wrong, what in (
        ({"cron": "x"}, "'x' names no time"),
        ({"options": {**OPTIONS, "model": "other"}}, "no model 'other'"),
        ({"patience": "long"}, "'long' is not a duration"),
    ):
        refused = http.post("/schedules", json={**asked, **wrong})
        assert (refused.status_code, what in refused.json()["detail"]) == (422, True)
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == 404
    with pytest.raises(NotThereError):
        services.schedules.get(made.json()["id"])
