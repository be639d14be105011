"""A server that answers over HTTP, with a model and a source."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
import torch
import uvicorn
from anemoi.core.checkpoint import container

from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.records import State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

HOURS_6 = 21600
DOCUMENT = {
    "domains": {
        "data": {
            "variables": [{"name": "msl", "role": "prognostic", "units": "Pa"}],
            "frequency": "6h",
            "field_shape": None,
            "steps": {"inputs": [-HOURS_6, 0], "outputs": [HOURS_6], "step": HOURS_6, "interval": HOURS_6},
            "constants": [],
            "missing": [],
            "measured": [],
        }
    },
    "graph": None,
    "configuration": {"model": {"name": "tiny"}, "objective": {"name": "rollout"}},
    "overrides": [],
    "lock": [],
    "provenance": {"created": "2026-01-02T03:04:05+00:00"},
}
"""What a checkpoint says that needs no plugin; see docs/checkpoint.md of the core."""


def write(path, **changes):
    """Write a file that is a whole checkpoint to whoever reads it, and no model at all."""
    latitudes, longitudes = np.meshgrid([60.0, 0.0, -60.0], [0.0, 90.0, 180.0, 270.0])
    tensors = {
        "domains/data/latitudes": torch.from_numpy(latitudes.ravel()),
        "domains/data/longitudes": torch.from_numpy(longitudes.ravel()),
        "weights/one": torch.ones(7),
    }
    return container.write(path, tensors, {**DOCUMENT, **changes})


@pytest.fixture
def write_checkpoint():
    return write


@pytest.fixture
def document():
    return DOCUMENT


@pytest.fixture
def services(tmp_path, database_url):
    directory = tmp_path / "server"
    settings = Settings(
        directory=str(directory),
        sources={"analysis": {"name": "sample"}},
        outputs={"zarr": {"name": "zarr"}},
        database=database_url,
    )
    services = Services.of(settings)
    write(directory / "models" / "tiny.safetensors")
    yield services
    services.database.close()


@contextmanager
def serve(services, port=0):
    """A server at a port of its own, in a thread."""
    app = application(services)
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", app
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def served(services):
    with serve(services) as (url, app):
        app.state.watcher._interval = 0.02
        yield url, app


@pytest.fixture
def serving():
    return serve


@pytest.fixture
def http(served):
    with httpx.Client(base_url=f"{served[0]}/api/v1", timeout=30) as client:
        yield client


@pytest.fixture
def forecast():
    """A request that nothing is wrong with."""
    return {
        "kind": "forecast",
        "options": {"model": "tiny", "start": "2025-12-22T00", "source": "analysis"},
    }


@pytest.fixture
def finished(services):
    """Makes a finished job with a result of some files."""

    def finish(files, owner="local"):
        job = services.jobs.submit("forecast", {}, owner=owner)
        job = services.jobs.claim("worker")
        digest = hashlib.sha256(b"".join(files.values())).hexdigest()
        place = services.settings.place / "results" / digest
        listed = []
        for path, content in files.items():
            file = place / "files" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            listed.append({"path": path, "size": len(content), "sha256": sha256})
        document = {"digest": digest, "kind": "forecast", "created": 0, "files": listed, "provenance": {}}
        (place / "manifest.json").write_text(json.dumps(document))
        size = sum(map(len, files.values()))
        assert services.jobs.end(job, State.FINISHED, result=digest, size=size)
        return services.jobs.get(job.id)

    return finish
