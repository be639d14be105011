"""The states of jobs: what waits longest is taken first, and only who has a job may end it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from anemoi.core.errors import NotThereError, ResourceError

from anemoi_plugin_server.records import Database, State


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.getfixturevalue("postgresql").make() if request.param == "postgresql" else None


def submitted(services, number=1):
    return [services.jobs.submit("forecast", {"number": each}, owner="me") for each in range(number)]


def test_that_which_waits_longest_is_taken_first(services):
    first, second = submitted(services, 2)
    taken = [services.jobs.claim("worker") for _ in range(3)]
    assert [job and job.id for job in taken] == [first.id, second.id, None]
    assert taken[0].state is State.RUNNING
    assert taken[0].attempt == 1


def test_no_job_is_taken_twice(services):
    submitted(services, 40)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: services.jobs.claim("worker").id, range(40)))
    assert len(set(taken)) == 40


def test_an_attempt_that_has_lost_its_job_cannot_end_it(services):
    submitted(services)
    lost = services.jobs.claim("first")
    assert services.jobs.requeue(lost)
    again = services.jobs.claim("second")
    assert not services.jobs.end(lost, State.FINISHED)
    assert services.jobs.end(again, State.FINISHED, result="abc", size=3)
    ended = services.jobs.get(again.id)
    assert (ended.state, ended.attempt, ended.result, ended.size) == (State.FINISHED, 2, "abc", 3)
    assert not services.jobs.end(again, State.FAILED)


def test_what_waits_is_cancelled_and_what_runs_is_asked_to_end(services):
    running, waiting = submitted(services, 2)
    services.jobs.claim("worker")
    assert services.jobs.cancel(waiting.id).state is State.CANCELLED
    asked = services.jobs.cancel(running.id)
    assert (asked.state, asked.cancelling) == (State.RUNNING, True)
    assert services.jobs.claim("worker") is None


def test_a_list_goes_on_where_its_page_ended(services):
    jobs = submitted(services, 5)
    page = services.jobs.list(limit=2)
    rest = services.jobs.list(before=(page[-1].created, page[-1].id))
    assert [job.id for job in (*page, *rest)] == [job.id for job in reversed(jobs)]


def test_what_ended_long_ago_and_what_results_take(services):
    for owner in ("me", "me", "another"):
        services.jobs.submit("forecast", {}, owner=owner)
        services.jobs.end(services.jobs.claim("worker"), State.FINISHED, result="a" * 64, size=1000)
    old, kept, other = reversed(services.jobs.list())
    assert (services.jobs.usage("me"), services.jobs.usage("nobody")) == (1000, 0)
    assert [job.id for job in services.jobs.ended_before(other.ended, without={kept.id})] == [old.id]
    services.jobs.delete(old.id)
    assert (services.jobs.refers_to("a" * 64), services.jobs.refers_to("b" * 64)) == (True, False)
    assert set(services.jobs.several([old.id, kept.id])) == {kept.id}


def test_what_is_not_there_and_a_database_that_is_none(services, tmp_path):
    with pytest.raises(NotThereError, match="no job nothing"):
        services.jobs.get("nothing")
    for url in (f"sqlite:///{tmp_path}", "no-such-thing://host"):
        with pytest.raises(ResourceError):
            Database(url)
