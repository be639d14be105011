"""What is too old goes with its result, and nothing goes that somebody needs."""

from __future__ import annotations

import dataclasses
import os
import time

import pytest
from anemoi.core.errors import ResourceError

from anemoi_plugin_server.records import State
from anemoi_plugin_server.results.cleaning import GRACE, Cleaner
from anemoi_plugin_server.results.shelf import Shelf
from anemoi_plugin_server.submission import check_share

DAY = 86400.0


@pytest.fixture
def clean(services):
    """Cleans up as if so many days had passed, with jobs kept for a week."""

    def after(days, age="7d"):
        keeping = dataclasses.replace(services.settings.keeping, age=age)
        object.__setattr__(services.settings, "keeping", keeping)
        Cleaner(services).clean(time.time() + days * DAY)

    return after


def shelf(services):
    return sorted(os.listdir(services.settings.place / "results"))


def test_a_job_goes_with_its_result_when_it_is_too_old(services, finished, clean):
    job = finished({"a": b"1"})
    clean(6.9)
    assert shelf(services) == [job.result]
    clean(7.1, age=None)
    assert shelf(services) == [job.result]
    clean(7.1)
    assert (services.jobs.list(), shelf(services)) == ([], [])


def test_what_waits_or_runs_is_never_too_old(services, clean):
    services.jobs.submit("forecast", {}, owner="me")
    running = services.jobs.claim("worker")
    services.jobs.submit("forecast", {}, owner="me")
    work = services.settings.place / "work" / running.id
    work.mkdir()
    clean(100)
    assert len(services.jobs.list()) == 2
    assert work.is_dir()


def test_a_result_that_two_jobs_share_stays_until_both_have_gone(services, finished, clean):
    first, second = finished({"a": b"1"}), finished({"a": b"1"})
    services.jobs.delete(first.id)
    clean(1)
    assert shelf(services) == [second.result]
    services.jobs.delete(second.id)
    clean(1)
    assert shelf(services) == []


def test_what_a_waiting_job_needs_stays(http, services, finished, clean):
    job = finished({"a": b"1"})
    waiting = services.jobs.submit("plot", {"of": [{"result": job.id}]}, owner="me")
    clean(100)
    assert services.jobs.get(job.id)
    assert shelf(services) == [job.result]
    refused = http.delete(f"/jobs/{job.id}")
    assert (refused.status_code, "needs the result" in refused.json()["detail"]) == (409, True)
    services.jobs.cancel(waiting.id)
    assert http.delete(f"/jobs/{job.id}").status_code == 204
    clean(1)
    assert shelf(services) == []


def test_a_result_that_is_new_waits_for_its_record(services, finished, clean):
    """A job keeps its result a moment before it is recorded."""
    job = finished({"a": b"1"})
    services.jobs.delete(job.id)
    clean(0.9 * GRACE / DAY)
    assert shelf(services) == [job.result]


def test_a_result_that_is_kept_again_is_new_again(services, tmp_path, clean):
    made = tmp_path / "made"
    made.mkdir()
    (made / "a").write_bytes(b"1")
    results = services.settings.place / "results"
    kept = Shelf(results).keep(made, kind="forecast")
    old = time.time() - 2 * GRACE
    os.utime(results / kept.digest, (old, old))
    Shelf(results).keep(made, kind="forecast")
    clean(0)
    assert shelf(services) == [kept.digest]


def test_a_result_that_gets_a_job_while_it_is_taken_away_is_put_back(services, finished, clean, monkeypatch):
    job = finished({"a": b"1"})
    answers = iter([False, True])
    monkeypatch.setattr(services.jobs, "refers_to", lambda _: next(answers))
    clean(1)
    assert shelf(services) == [job.result]
    assert (services.settings.place / "results" / job.result / "files" / "a").read_bytes() == b"1"


def test_what_was_left_behind_goes(services, clean):
    place = services.settings.place
    (place / "work" / ("0" * 32)).mkdir()
    (place / "work" / "mine").mkdir()
    (place / "models" / ".half.safetensors.12345678.partial").write_bytes(b"x")
    (place / "results" / ".digest.12345678.partial").mkdir()
    clean(0)
    assert os.listdir(place / "results") != []
    clean(1)
    assert os.listdir(place / "work") == ["mine"]
    assert os.listdir(place / "models") == ["tiny.safetensors"]
    assert os.listdir(place / "results") == []


def test_a_quota_is_told_with_its_numbers(services, finished):
    def quota(bytes_):
        keeping = dataclasses.replace(services.settings.keeping, quota=bytes_ / 2**30)
        object.__setattr__(services.settings, "keeping", keeping)

    shared = {"a": b"x" * 1000}
    first = finished(shared, owner="me")
    finished(shared, owner="me")
    finished({"b": b"y" * 5000}, owner="another")
    assert services.jobs.usage("me") == 1000
    quota(1001)
    check_share(services, "me")
    quota(1000)
    with pytest.raises(ResourceError, match=r"The results of me take 9.31e-07 GiB, and no more than 9.3"):
        check_share(services, "me")
    assert services.jobs.get(first.id).state is State.FINISHED
