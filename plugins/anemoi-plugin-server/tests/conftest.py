"""A server with a data directory of its own, its application, and results to look at."""

from __future__ import annotations

import hashlib
import json

import pytest
from fastapi.testclient import TestClient

from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.records import State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings


@pytest.fixture
def services(tmp_path):
    services = Services.of(Settings(directory=str(tmp_path / "server"), outputs={"zarr": {"name": "zarr"}}))
    yield services
    services.database.close()


@pytest.fixture
def client(services):
    with TestClient(application(services)) as client:
        yield client


@pytest.fixture
def keep(services):
    """Makes a finished job of what a function writes into the directory of its result."""

    def keep(write, **options):
        digest = hashlib.sha256(repr(options).encode()).hexdigest()
        directory = services.offers.results / digest
        (directory / "files").mkdir(parents=True)
        write(directory / "files")
        files = [
            {"path": str(path.relative_to(directory / "files")), "size": path.stat().st_size}
            for path in sorted((directory / "files").rglob("*"))
            if path.is_file()
        ]
        (directory / "manifest.json").write_text(json.dumps({"digest": digest, "files": files}))
        job = services.jobs.submit("forecast", options, owner="local")
        claimed = services.jobs.claim("worker")
        assert claimed.id == job.id
        services.jobs.end(claimed, State.FINISHED, result=digest, size=sum(each["size"] for each in files))
        return services.jobs.get(job.id)

    return keep
