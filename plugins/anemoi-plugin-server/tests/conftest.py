"""A server with a data directory of its own, its application, jobs to try it with and results to look at."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.records import State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings


@pytest.fixture
def services(tmp_path):
    services = Services.of(
        Settings(
            directory=str(tmp_path / "server"),
            sources={"analysis": {"name": "sample"}},
            outputs={"zarr": {"name": "zarr"}, "nc": {"name": "netcdf"}},
        )
    )
    yield services
    services.database.close()


@pytest.fixture(scope="session", name="trial")
def trial_plugin(tmp_path_factory):
    """Install the plugin of ``trial.py`` for this process and all that it starts."""
    site = tmp_path_factory.mktemp("site")
    info = site / "anemoi_plugin_trial-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: anemoi-plugin-trial\nVersion: 1.0\nRequires-Dist: anemoi-core>=0.2\n"
    )
    (info / "entry_points.txt").write_text(
        "[anemoi.core.jobs]\ntrial = anemoi_plugin_trial:TrialJob\n"
        "[anemoi.core.commands]\ntrial = anemoi_plugin_trial:command\n"
    )
    (site / "anemoi_plugin_trial.py").write_text((Path(__file__).with_name("trial.py")).read_text())
    # Warm parents begin sooner without what these jobs do not need.
    (site / "sitecustomize.py").write_text(
        "from anemoi_plugin_server.running import imports\nimports.KINDS = ('job',)\n"
    )
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(site)
    patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(":"))
    yield site
    patch.undo()
    sys.modules.pop("anemoi_plugin_trial", None)


@pytest.fixture
def client(services):
    with TestClient(application(services), base_url="http://127.0.0.1:8080") as client:
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
            {
                "path": str(path.relative_to(directory / "files")),
                "size": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
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
