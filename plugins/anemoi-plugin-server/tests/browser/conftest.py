"""Chromium before a server; a test fails of itself if a page logs an error or breaks the content policy."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from anemoi_plugin_server.access.settings import AccessSettings
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

PATIENCE = 60_000
"""How many milliseconds a test waits for what should come; machines that do much else are slow."""

expect.set_options(timeout=PATIENCE)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 390, "height": 844}
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SEEN = {"type": "rule", "values": ["color-contrast", "target-size", "scrollable-region-focusable"]}
"""The rules of axe that a page in other colours, or of another width, can break."""


@pytest.fixture(scope="session")
def browser():
    wanted = os.environ.get("CHROMIUM")
    path = next(filter(None, map(shutil.which, [wanted] if wanted else NAMES)), None)
    if path is None:
        reason = "There is no Chromium: apt-get install chromium, or give its path in CHROMIUM."
        if wanted or os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # What runs as root, as containers do, has no sandbox.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """A function that opens a window: ``opened(address, scheme="dark", size=PHONE)``.

    It is closed before the server is.
    """
    contexts, wrong = [], []

    def opened(address, *, scheme="light", size=None, scripts=True):
        context = browser.new_context(
            base_url=address,
            color_scheme=scheme,
            viewport=size or {"width": 1200, "height": 900},
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        return page

    opened.wrong = wrong
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def accessible():
    """Checks a page with axe; and keeps a picture of it in the directory SCREENSHOTS, if that is given."""
    axe = Axe()

    def accessible(page, name, rules=ALL):
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)
        found = axe.run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        told = [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]
        assert told == [], name
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, f"{name} is {width} pixels wider than its window"

    return accessible


@contextmanager
def serving(app):
    """A server at a port of its own, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def app(services):
    return application(services)


@pytest.fixture
def address(app):
    with serving(app) as address:
        yield address


@pytest.fixture
def guarded(tmp_path):
    """A server with users, and its address."""
    settings = Settings(directory=str(tmp_path / "guarded"), access=AccessSettings(users=True, rate=1000.0))
    services = Services.of(settings)
    with serving(application(services)) as address:
        yield services, address
    services.database.close()
