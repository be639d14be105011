"""A product that a plugin adds: it is offered, checked and run as the server's own jobs are."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.grid import Grid
from anemoi_plugin_testing import check
from anemoi_plugin_zarr.writer import LayoutWriter

from anemoi_plugin_server.job import Progress
from anemoi_plugin_server.records import State
from anemoi_plugin_server.results.shelf import Shelf
from anemoi_plugin_server.running.attempt import allow
from anemoi_plugin_server.running.following import Following
from anemoi_plugin_server.running.preparing import attempt_at
from anemoi_plugin_server.running.worker import PARENTS, run
from anemoi_plugin_server.submission import checked

pytestmark = pytest.mark.usefixtures("cyclones")

HOURS = np.timedelta64(6, "h").astype("timedelta64[s]")
STATES = 4


@pytest.fixture(scope="module", autouse=True)
def _parents(cyclones):
    yield
    PARENTS.close()


def distance(grid, latitude, longitude):
    """Of each point, in km."""
    one, other = np.deg2rad(grid.latitudes), np.deg2rad(latitude)
    cosine = np.sin(one) * np.sin(other)
    cosine = cosine + np.cos(one) * np.cos(other) * np.cos(np.deg2rad(grid.longitudes - longitude))
    return 6371 * np.arccos(np.clip(cosine, -1, 1))


@pytest.fixture
def forecast(services, tmp_path):
    """A finished job: a storm that moves west and north, a low far north of it, and one without wind."""
    latitudes, longitudes = np.meshgrid(np.arange(-60, 61, 1.0), np.arange(280, 321, 1.0), indexing="ij")
    grid = Grid(latitudes.ravel(), longitudes.ravel())
    made = tmp_path / "made"
    made.mkdir()
    times = np.datetime64("2025-09-01T00", "s") + HOURS * np.arange(STATES)
    writer = LayoutWriter(
        made / "forecast.zarr",
        variables=("msl", "10u", "10v"),
        grid=grid,
        units={"msl": "Pa", "10u": "m s**-1", "10v": "m s**-1"},
        members=1,
        times=times,
        frequency=HOURS,
    )
    for number in range(STATES):
        storm, low = distance(grid, 15 + number, 310 - 2 * number), distance(grid, 55, 300)
        calm = distance(grid, -15, 300)  # as deep, without wind
        msl = 101000 - 5000 * sum(np.exp(-((each / 250) ** 2)) for each in (storm, low, calm))
        wind = 40 * np.exp(-(((storm - 100) / 200) ** 2))
        writer.write(np.stack([msl, wind, 0 * wind], axis=-1)[None, None].astype(np.float32))
    writer.finish({"variables_metadata": {}})
    services.jobs.submit("forecast", {}, owner="local")
    job = services.jobs.claim("worker")
    kept = Shelf(services.offers.results).keep(made, kind="forecast")
    services.jobs.end(job, State.FINISHED, result=kept.digest, size=kept.size)
    return job.id


def test_it_keeps_the_contract_of_a_job(cyclones):
    from anemoi_plugin_cyclones import CyclonesJob

    assert [each for each in check("job", CyclonesJob) if each.status != "pass"] == []


def test_it_is_offered_with_its_form(http):
    kinds = {each["kind"]: each for each in http.get("/kinds").json()["kinds"]}
    assert kinds["cyclones"]["title"] == "Tracks of tropical cyclones"
    own = http.get("/kinds/cyclones").json()["schema"]["properties"]
    assert own["forecast"]["x-choice"] == "result"
    assert (own["depth"]["x-units"], own["depth"]["default"]) == ("Pa", 500.0)
    assert own["distance"]["maximum"] == 2000


def test_it_is_checked_and_run_and_its_result_is_served(http, services, forecast):
    refused = http.post("/jobs", json={"kind": "cyclones", "options": {"forecast": "0" * 32, "depth": -1}})
    assert {each["at"] for each in refused.json()["problems"]} == {"options.depth"}
    refused = http.post("/jobs", json={"kind": "cyclones", "options": {"forecast": "0" * 32}})
    assert {each["at"] for each in refused.json()["problems"]} == {"options.forecast"}
    accepted = http.post("/jobs", json={"kind": "cyclones", "options": {"forecast": forecast}}).json()
    job = services.jobs.claim("worker")
    assert job.id == accepted["id"]
    built = checked(job.kind, job.options)
    attempt = attempt_at(services, job)
    directory = services.settings.place / "work" / job.id
    directory.mkdir()
    allow(directory, 1)
    following = Following(attempt, built)
    ended = run(attempt)
    assert ended.code == 0, (directory / "stderr").read_text()
    assert following.read() == Progress(STATES, STATES)
    kept = following.kept
    services.jobs.end(job, State.FINISHED, result=kept["result"], size=kept["size"])
    found = http.get(f"/results/{job.id}/files/tracks.json").json()
    [track] = found["tracks"]
    assert [(point["latitude"], point["longitude"]) for point in track] == [
        (15.0 + number, 310.0 - 2 * number) for number in range(STATES)
    ]
    assert all(point["wind"] > 30 for point in track)
