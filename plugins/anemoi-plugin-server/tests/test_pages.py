"""What the pages say, without a browser."""

from __future__ import annotations

import re
from html import unescape

import pytest

from anemoi_plugin_server.pages.rendering import duration, size
from anemoi_plugin_server.records import RunState, State


def text(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_server_without_a_model_says_how_to_get_one(client, services):
    page = client.get("/")
    assert page.status_code == 200
    assert "There is no model yet" in text(page)
    assert str(services.offers.models) in text(page)
    assert "anemoi train +experiment=quickstart" in text(page)


def test_nothing_on_a_page_is_from_elsewhere_or_within_it(client):
    for path in ("/", "/models", "/jobs", "/new/forecast"):
        page = client.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", page.text)
        assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", page.text)


def test_what_a_stranger_wrote_is_text(client, services):
    services.jobs.submit("forecast", {"model": "<script>alert(1)</script>"}, owner="<b>me</b>")
    page = client.get("/jobs")
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text


def test_the_queue_goes_on_page_by_page(client, services):
    for number in range(120):
        services.jobs.submit("forecast", {"start": f"job-{number}-"}, owner="me" if number % 2 else "other")
    shown, address, pages = [], "/jobs", 0
    while address:
        page = client.get(address)
        shown += re.findall(r"job-(\d+)-", page.text)
        older = re.search(r'href="([^"]+before=[^"]+)">Older', page.text)
        address, pages = older and unescape(older[1]), pages + 1
    assert [int(each) for each in shown] == list(range(119, -1, -1))
    assert pages == 3
    assert "job-118-" not in client.get("/jobs?mine=true").text
    assert "There is no failed job" in text(client.get("/jobs?state=failed"))


@pytest.mark.parametrize("address", ["/jobs?state=lost", "/jobs?before=yesterday", "/jobs?mine=perhaps"])
def test_an_address_that_is_wrong_is_told_on_a_page(client, address):
    page = client.get(address)
    assert page.status_code == 422
    assert page.headers["content-type"].startswith("text/html")


def test_a_page_that_is_not_there_is_told_on_a_page_and_to_a_program_as_problem_details(client):
    page = client.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "To the start" in page.text
    answer = client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_job_that_is_not_there(client):
    page = client.get("/jobs/nothing")
    assert page.status_code == 404
    assert "There is no job nothing" in text(page)


def test_a_failed_job_shows_its_error_its_log_and_what_it_was_asked(client, services):
    job = services.jobs.submit("forecast", {"start": "2025-12-22T00"}, owner="me")
    place = services.settings.place / "work" / job.id
    place.mkdir()
    (place / "suite.yaml").write_text("lead_time: 72h")
    (place / "stderr").write_text("x" * 20_000 + "the last line")
    claimed = services.jobs.claim("worker")
    error = {"what": "The source has no 2025-12-22T00.", "fix": "Choose another date.", "exit_code": 3}
    services.jobs.end(claimed, State.FAILED, error=error)
    page = text(client.get(f"/jobs/{job.id}"))
    for said in (error["what"], error["fix"], "Exit code 3", "lead_time: 72h", "the last line"):
        assert said in page
    assert "x" * 16_001 not in page


def test_a_running_job_is_cancelled(client, services):
    job = services.jobs.submit("forecast", {}, owner="me")
    services.jobs.claim("worker")
    page = client.post(f"/jobs/{job.id}/cancel")
    assert page.url.path == f"/jobs/{job.id}"
    assert "It is being cancelled" in text(page)


def test_a_schedule_shows_its_times_rests_and_is_removed(client, services):
    made = services.schedules.add(
        owner="local",
        kind="forecast",
        options={"model": "small", "start": "{date}"},
        cron="0 0 * * *",
        patience=43200.0,
        enabled=True,
        next=0.0,
    )
    job = services.jobs.submit("forecast", {}, owner="local", schedule=made.id)
    states = {time * 86400.0: RunState.WAITING for time in range(8)}
    services.schedules.come(made, states, 8 * 86400.0)
    *_, missed, submitted = services.schedules.waiting()
    services.schedules.note(missed, RunState.MISSED, error={"what": "There is no state yet."})
    services.schedules.note(submitted, RunState.SUBMITTED, job=job.id)
    page = client.get("/schedules")
    said = text(page)
    assert "Forecast every day at 00:00 UTC small · {date} Next 9 January 1970 00:00 UTC" in said
    assert f'<a href="/jobs/{job.id}"><time datetime="1970-01-08T00:00:00Z">' in page.text
    assert "7 January 1970 00:00 UTC missed There is no state yet." in said
    assert said.count("waits for its data") == 3
    assert "paused" in text(client.post(f"/schedules/{made.id}/pause"))
    assert "paused" not in text(client.post(f"/schedules/{made.id}/resume"))
    assert "There is no schedule." in text(client.post(f"/schedules/{made.id}/remove"))
    assert services.jobs.get(job.id) == job


def test_a_data_set_of_many_files_is_one_product(client, keep):
    def write(directory):
        (directory / "forecast.zarr").mkdir()
        for name in ("a", "b"):
            (directory / "forecast.zarr" / name).write_bytes(b"12345")
        (directory / "forecast.nc").write_bytes(b"123")

    page = text(client.get(f"/jobs/{keep(write).id}"))
    assert "forecast.zarr.zip 10 B in 2 files" in page
    assert "forecast.nc 3 B" in page


def test_a_model_that_is_none_is_told_in_the_list_and_on_its_page(client, services):
    (services.offers.models / "broken.safetensors").write_bytes(b"nothing")
    assert "unreadable" in text(client.get("/models"))
    page = client.get("/models/broken")
    assert page.status_code == 422
    assert client.get("/models/absent").status_code == 404


def test_numbers_are_written_for_people():
    assert [duration(each) for each in (0, 59.6, 200, 90_000)] == ["0 s", "1 min", "3 min 20 s", "1 d 1 h"]
    assert [size(each) for each in (5, 1234, 999_900, 2e12)] == ["5 B", "1.23 kB", "1 MB", "2 TB"]
