"""Every page in a browser: to whoever sees it, hears it, types it, or holds it in a hand."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from anemoi_plugin_server.access.identity import Role
from anemoi_plugin_server.records import RunState, State

from .. import weather
from ..api.conftest import write
from .conftest import ALL, PHONE, SEEN

ABSENT = {
    "role": "model",
    "kind": "model",
    "name": "aifs",
    "distribution": "anemoi-plugin-absent",
    "version": "1.2.3",
    "hash": "sha256:1",
    "needed": True,
}


@pytest.fixture
def filled(services, keep):
    """A server in the middle of its work; gives the identifiers of its jobs."""
    write(services.offers.models / "small.safetensors")
    write(services.offers.models / "foreign.safetensors", lock=[ABSENT])
    (services.offers.models / "broken.safetensors").write_bytes(b"nothing")
    asked = {"model": "small", "start": "2025-12-22T00", "lead_time": "24h"}
    grid = weather.octahedral(16)
    made = {
        "finished": keep(
            lambda files: weather.write_forecast(files / "forecast.zarr", grid, members=4), **asked
        ),
        "other": keep(
            lambda files: weather.write_forecast(files / "forecast.zarr", grid, members=2), **asked, seed=1
        ),
    }
    for name, state in (("failed", State.FAILED), ("running", None)):
        services.jobs.submit("forecast", asked, owner="local")
        made[name] = job = services.jobs.claim("worker")
        services.jobs.advance(job, 3, 12)
        if state:
            error = {"what": "The source has no 2031-01-01T00.", "fix": "Choose another.", "exit_code": 3}
            services.jobs.end(job, state, error=error)
    made["queued"] = services.jobs.submit("forecast", asked, owner="local")
    services.schedules.add(
        owner="local", kind="data", options={}, cron="30 6 * * 1", patience=3600.0, enabled=False, next=0.0
    )
    daily = services.schedules.add(
        owner="local",
        kind="forecast",
        options={**asked, "start": "{date}"},
        cron="0 0,12 * * *",
        patience=43200.0,
        enabled=True,
        next=0.0,
    )
    runs = [day * 43200.0 for day in range(4)]
    services.schedules.come(daily, dict.fromkeys(runs, RunState.WAITING), 4 * 43200.0)
    for run, name in zip(services.schedules.waiting(), ("missed", "failed", "finished"), strict=False):
        if name in made:
            services.schedules.note(run, RunState.SUBMITTED, job=made[name].id)
        else:
            services.schedules.note(run, RunState.MISSED, error={"what": "The source has no 1970-01-01T00."})
    return {name: job.id for name, job in made.items()}


def loaded(page):
    """Wait until all that the map shows is there."""
    slider = page.locator(".time")
    expect(slider).to_have_attribute("max", re.compile(r"\d"))
    count = int(slider.get_attribute("max")) + 1
    expect(page.locator("#viewer")).to_have_attribute("data-loaded", str(count))


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_accessible(opened, accessible, address, filled, look):
    page = opened(
        address, scheme="dark" if look == "dark" else "light", size=PHONE if look == "phone" else None
    )
    rules = ALL if look == "light" else SEEN
    both = f"?one={filled['finished']}/forecast.zarr&other={filled['other']}/forecast.zarr"
    for name, path in {
        "start": "/",
        "models": "/models",
        "model": "/models/small",
        "foreign-model": "/models/foreign?doctor=true",
        "new": "/new/forecast?model=small",
        "new-verification": "/new/evaluate",
        "jobs": "/jobs",
        "schedules": "/schedules",
        "running": f"/jobs/{filled['running']}",
        "failed": f"/jobs/{filled['failed']}",
        "finished": f"/jobs/{filled['finished']}",
        "map": f"/view/{filled['finished']}",
        "compare": f"/compare{both}",
        "login": "/login",
    }.items():
        page.goto(path)
        if name in ("map", "compare"):
            loaded(page)
        if name in ("models", "model"):
            page.get_by_text("Remove this model").click()
        if name == "map":
            page.locator("#map").focus()
            page.keyboard.press("Enter")
            expect(page.locator("#meteogram svg")).to_be_visible()
        accessible(page, f"{name}-{look}", rules)
    page.goto("/new/forecast")
    page.get_by_label("Which").select_option("gaussian")
    page.get_by_label("Members").fill("0")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="problems")).to_be_visible()
    accessible(page, f"problems-{look}", rules)
    page.get_by_label("It is made").select_option("at other times")
    page.get_by_label("Patience").fill("long")
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator("[id='problem-_cron']")).to_be_visible()
    accessible(page, f"schedule-problems-{look}", rules)
    page.goto("/jobs/nothing")
    accessible(page, f"error-{look}", rules)
    opened.wrong[:] = [each for each in opened.wrong if "status of 4" not in each]  # they were asked for


def test_an_empty_server_is_accessible(opened, accessible, address):
    page = opened(address)
    for name, path in (
        ("empty", "/"),
        ("no-models", "/models"),
        ("no-jobs", "/jobs"),
        ("none", "/compare"),
        ("no-schedules", "/schedules"),
    ):
        page.goto(path)
        accessible(page, name)


def test_what_is_wrong_is_beside_its_field_and_the_first_thing_one_hears(opened, address, filled, services):
    before = len(services.jobs.list())
    page = opened(address)
    page.goto("/new/forecast")
    for label, value in (
        ("Start", "soon"),
        ("Lead time", "-3h"),
        ("Members", "101"),
        ("Seed", "1.5"),
        ("Area", "60, -10, 40"),
        ("Variables", "2t, msl"),
    ):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#problems")).to_be_focused()
    for key in ("model", "members", "seed", "area"):
        field = page.locator(f"[id='{key}']")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#problem-{key}")).to_be_visible()
        assert f"problem-{key}" in field.get_attribute("aria-describedby")
    page.get_by_role("link", name="members").click()
    assert page.url.endswith("#members")
    expect(page.get_by_label("Start")).to_have_value("soon")
    assert len(services.jobs.list()) == before
    opened.wrong.clear()  # the browser tells of the status 422


def test_the_options_of_a_component_come_as_it_is_chosen_with_and_without_scripts(opened, address, filled):
    page = opened(address)
    page.goto("/new/forecast")
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Which").select_option("gaussian")
    expect(page.get_by_label("Amplitude")).to_be_visible()
    expect(page.get_by_label("Seed")).to_have_value("7")
    expect(page.get_by_role("button", name="Show its options")).to_be_hidden()
    page.get_by_label("Which").select_option("none")
    expect(page.get_by_label("Amplitude")).to_have_count(0)

    plain = opened(address, scripts=False)
    plain.goto("/new/forecast")
    plain.get_by_label("Seed").fill("7")
    plain.get_by_label("Which").select_option("gaussian")
    plain.get_by_role("button", name="Show its options").click()
    expect(plain.get_by_label("Amplitude")).to_be_visible()
    expect(plain.get_by_label("Seed")).to_have_value("7")


def test_a_model_whose_plugin_is_absent_says_what_to_install(opened, address, filled):
    page = opened(address)
    page.goto("/models")
    page.get_by_role("link", name="Why foreign cannot run here").click()
    expect(page.get_by_role("heading", name="This model cannot run here")).to_be_visible()
    expect(page.locator(".wrong")).to_contain_text("pip install")
    expect(page.locator(".wrong")).to_contain_text("anemoi-plugin-absent")
    page.goto("/new/forecast?model=foreign")
    page.get_by_label("Start").fill("2025-12-22T00")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#problem-model")).to_contain_text("anemoi-plugin-absent")
    opened.wrong.clear()  # the browser tells of the status 422


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("told", ["by events", "by looking"])
def test_a_job_is_followed_to_its_end_without_loading_the_page(opened, address, filled, services, told):
    page = opened(address)
    if told == "by looking":  # as behind a proxy that lets no stream pass
        page.route("**/events", lambda route: route.abort())
    page.goto(f"/jobs/{filled['running']}")
    expect(page.get_by_text("3 of 12")).to_be_visible()
    job = services.jobs.get(filled["running"])
    for done in (5, 9):
        services.jobs.advance(job, done, 12)
        expect(page.get_by_text(f"{done} of 12")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("It is being cancelled.")).to_be_visible()
    services.jobs.end(job, State.CANCELLED)
    expect(page.get_by_role("status")).to_have_text("cancelled")
    if told == "by looking":
        opened.wrong[:] = [each for each in opened.wrong if "ERR_FAILED" not in each]


def test_a_page_looks_when_an_event_has_come_and_listens_while_it_is_seen(
    opened, address, app, filled, services
):
    page = opened(address)
    page.add_init_script("setTimeout = () => 0")  # so that it looks at nothing of itself
    looks = []
    page.on("request", lambda request: looks.append(request.url) if "/jobs/" in request.url else None)

    def hide(hidden):
        page.evaluate(
            "hidden => {"
            " Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });"
            " document.dispatchEvent(new Event('visibilitychange')); }",
            hidden,
        )

    def listening(number):
        until(lambda: app.state.watcher._watched.total() == number)

    job = services.jobs.get(filled["running"])
    path = f"{address}/jobs/{job.id}"
    with page.expect_request("**/events"):
        page.goto(path)
    listening(1)
    services.jobs.advance(job, 5, 12)
    expect(page.get_by_text("5 of 12")).to_be_visible()
    assert looks.count(path) == 2
    hide(True)
    listening(0)
    services.jobs.advance(job, 9, 12)
    hide(False)
    listening(1)
    expect(page.get_by_text("9 of 12")).to_be_visible()
    page.goto("/models")
    listening(0)
    page.go_back()
    listening(1)
    services.jobs.end(job, State.FINISHED)
    expect(page.get_by_role("status")).to_have_text("finished")
    listening(0)
    assert looks.count(f"{address}/api/v1/jobs/{job.id}/events") == 3  # loaded, seen again, come back to


def test_a_job_is_asked_for_and_a_map_looked_at_by_keyboard_alone(opened, address, filled, services):
    page = opened(address)
    page.goto("/")

    def tab_to(name):
        for _ in range(40):
            page.keyboard.press("Tab")
            if name in page.evaluate("document.activeElement.id || document.activeElement.textContent"):
                return
        raise AssertionError(f"{name} cannot be reached")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to("New forecast")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new/forecast")
    tab_to("model")
    page.keyboard.type("small")
    for field, value in (("start", "2025-12-22T00"), ("source", "analysis")):
        tab_to(field)
        page.keyboard.type(value)
    page.keyboard.press("Enter")
    tab_to("Run")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    assert services.jobs.list()[0].options["source"] == "analysis"

    page.goto(f"/view/{filled['finished']}")
    loaded(page)
    tab_to("map")
    said = page.locator("#under").text_content()
    assert "°C" in said
    page.keyboard.press("ArrowUp")
    page.keyboard.press("+")
    expect(page.locator("#under")).not_to_have_text(said)
    page.keyboard.press("Enter")
    expect(page.locator("#meteogram svg")).to_be_visible()
    tab_to("Play")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".when")).to_contain_text("12:00 UTC (+12 h)")


def test_a_schedule_is_made_from_a_form_rests_and_is_removed_by_keyboard_alone(
    opened, address, filled, services
):
    before = {each.id for each in services.schedules.list()}
    page = opened(address)
    page.goto("/new/forecast?model=small&source=analysis")
    page.get_by_label("It is made").focus()
    for times in ("every day at 00 UTC", "every day at 00 and 12 UTC"):
        page.keyboard.press("ArrowDown")
        expect(page.locator("#_when option[selected]")).to_have_text(times)  # as the server has made it
        expect(page.get_by_label("It is made")).to_be_focused()
    expect(page.get_by_label("Patience")).to_have_value("12h")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Schedule")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/schedules")
    [made] = [each for each in services.schedules.list() if each.id not in before]
    assert (made.cron, made.options["start"]) == ("0 0,12 * * *", "{date}")
    for name in ("Pause", "Resume", "Remove"):
        button = page.locator(f"[id='{name.lower()}-{made.id}']")
        expect(button).to_have_text(name)
        button.press("Enter")
        expect(button).to_have_count(0)
    assert {each.id for each in services.schedules.list()} == before


def test_a_model_is_removed_unless_it_is_needed_by_keyboard_alone(opened, address, filled, services):
    page = opened(address)
    page.goto("/models/foreign")
    page.get_by_text("Remove this model").press("Enter")
    page.get_by_role("button", name="Remove foreign").press("Enter")
    page.wait_for_url("**/models")
    expect(page.get_by_role("link", name="foreign", exact=True)).to_have_count(0)
    page.get_by_role("listitem").filter(has_text="unreadable").get_by_text("Remove this model").press("Enter")
    page.get_by_role("button", name="Remove broken").press("Enter")
    expect(page.get_by_role("heading", name="broken")).to_have_count(0)
    page.goto("/models/small")
    page.get_by_text("Remove this model").press("Enter")
    page.get_by_role("button", name="Remove small").press("Enter")
    expect(page.get_by_text(f"The model small is needed by job {filled['queued']}")).to_be_visible()
    assert services.offers.model_names() == ["small"]
    opened.wrong.clear()  # the browser tells of the status 409


def test_two_users_see_their_own_jobs_and_do_what_their_roles_say(opened, accessible, guarded):
    services, address = guarded
    write(services.offers.models / "small.safetensors")
    windows = {}
    for name, role in (("rune", Role.RUN), ("vera", Role.VIEW)):
        services.users.put(name, role)
        windows[name] = page = opened(address)
        page.goto("/jobs")
        page.get_by_label("Token").fill(services.users.issue(name)[1])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/jobs")
        expect(page.locator(".user")).to_contain_text(name)
    job = services.jobs.submit("forecast", {"start": "2025-12-22T00"}, owner="rune")
    rune, vera = windows["rune"], windows["vera"]
    rune.goto(f"/jobs/{job.id}")
    expect(rune.get_by_role("button", name="Cancel")).to_be_visible()
    vera.goto(f"/jobs/{job.id}")
    expect(vera.get_by_text(f"There is no job {job.id}.")).to_be_visible()
    vera.goto("/jobs")
    expect(vera.get_by_text("There is no job.")).to_be_visible()
    expect(vera.get_by_role("link", name="New forecast")).to_have_count(0)
    vera.goto("/new/forecast")
    expect(vera.get_by_text("vera may view")).to_be_visible()
    accessible(vera, "refused")
    rune.get_by_role("button", name="Log out").click()
    rune.wait_for_url("**/login")
    rune.goto("/jobs")
    rune.wait_for_url("**/login*")
    opened.wrong.clear()  # the browser tells of the status 404 and 403
