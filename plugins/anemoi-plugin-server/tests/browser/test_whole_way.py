"""From an empty page to a downloaded file, with a model that was trained and a worker that works."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.config import build
from playwright.sync_api import expect

from anemoi_plugin_server.running.dispatcher import Dispatcher

from .test_pages import loaded


@pytest.fixture
def working(services):
    dispatcher = Dispatcher(services)
    dispatcher.start()
    yield
    dispatcher.stop()


def test_from_an_empty_page_to_a_downloaded_file(opened, address, working, services, checkpoint, tmp_path):
    page = opened(address)
    page.goto("/")
    expect(page.get_by_role("heading", name="There is no model yet")).to_be_visible()
    page.get_by_role("link", name="Models").first.click()
    page.get_by_label("Checkpoint").set_input_files(checkpoint)
    page.get_by_label("Name").fill("first")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/models/first")
    expect(page.locator(".variable").first).to_have_text("msl Pa")
    page.get_by_role("link", name="New forecast").click()
    expect(page.get_by_label("Model")).to_have_value("first")
    page.get_by_label("Start").fill("2025-12-22T00")
    page.get_by_label("Lead time").fill("12h")
    page.get_by_label("Output").select_option("nc")
    page.get_by_role("button", name="Run").click()
    page.wait_for_url("**/jobs/*")
    expect(page.get_by_role("status")).to_have_text("finished", timeout=180_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="forecast.nc").click()
    download.value.save_as(tmp_path / "forecast.nc")
    [job] = services.jobs.list()
    kept = services.offers.results / job.result / "files" / "forecast.nc"
    assert (tmp_path / "forecast.nc").read_bytes() == kept.read_bytes()
    source = build("source", {"name": "netcdf", "path": str(tmp_path / "forecast.nc")})
    pressure = source.read(source.times)[-1, 0, :, 0]

    page.get_by_role("link", name="Look at the result").click()
    loaded(page)
    page.locator(".time").fill("1")
    page.get_by_label("Projection").select_option("equirectangular")
    page.locator("#map").focus()
    page.keyboard.press("ArrowUp")
    said = page.locator("#under").text_content()
    latitude = float(said.partition("°N")[0])
    near = (abs(source.grid.latitudes - latitude) <= 2.6) & (
        abs((source.grid.longitudes + 180) % 360 - 180) <= 2.6
    )
    told = float(said.rpartition(": ")[2].removesuffix(" hPa"))
    assert np.isclose(pressure[near] / 100, told, atol=0.05).any()
