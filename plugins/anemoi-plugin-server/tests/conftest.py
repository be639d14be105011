"""A server with a data directory of its own, its application, jobs to try it with and results to look at."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.records import State
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

# Loaded after the libraries of eccodes, those of psycopg's wheels end the process in a segmentation fault.
with suppress(ImportError):
    import psycopg  # noqa: F401


@pytest.fixture
def database_url():
    """The database of :func:`services`; its file of SQLite if None."""


@pytest.fixture
def services(tmp_path, database_url):
    services = Services.of(
        Settings(
            directory=str(tmp_path / "server"),
            sources={"analysis": {"name": "sample"}},
            outputs={"zarr": {"name": "zarr"}, "nc": {"name": "netcdf"}},
            database=database_url,
        )
    )
    yield services
    services.database.close()


@pytest.fixture(scope="session")
def postgresql():
    """A server of PostgreSQL, in which each call makes a database."""
    programs = find_postgresql()
    if programs is None:
        pytest.skip("there is no initdb here: install PostgreSQL")
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="anemoi-postgresql-") as directory:
        # It does not run as root, and the path of its socket is short.
        user = "nobody" if os.getuid() == 0 else None
        if user:
            shutil.chown(directory, user)
        data = f"{directory}/data"
        initdb = [programs / "initdb", "-D", data, "-U", "anemoi", "--auth=trust", "--no-sync"]
        subprocess.run(initdb, check=True, user=user, cwd=directory, stdout=subprocess.DEVNULL)
        server = [programs / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses=", "-F"]
        with open(f"{directory}/log", "wb") as log:
            process = subprocess.Popen(server, user=user, cwd=directory, stderr=log)
        try:
            yield Databases(psycopg, directory, process)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once
            process.wait(60)


def find_postgresql():
    for found in (shutil.which("initdb"), *Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        if found:
            return Path(found).resolve().parent
    return None


class Databases:
    def __init__(self, psycopg, directory, process):
        self._psycopg, self._directory, self._process = psycopg, directory, process

    def make(self):
        """A new database; its URL."""
        name = f"test_{secrets.token_hex(4)}"
        self.run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://anemoi@/{name}?host={self._directory}"

    def run(self, command, patience=60):
        """Run a command of SQL, once the server is ready."""
        deadline = time.monotonic() + patience
        while True:
            try:
                with self._psycopg.connect(
                    f"postgresql://anemoi@/postgres?host={self._directory}", autocommit=True
                ) as connection:
                    connection.execute(command)
                return
            except self._psycopg.OperationalError:  # noqa: PERF203
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)


FEW_IMPORTS = "from anemoi_plugin_server.running import imports\nimports.KINDS = ('job',)\n"
"""Warm parents begin sooner without what the jobs of tests do not need."""


@contextmanager
def installed(name, job, site):
    """Install a plugin of one job, ``NAME.py`` beside this file, for this process and all that it starts."""
    info = site / f"anemoi_plugin_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: anemoi-plugin-{name}\nVersion: 1.0\nRequires-Dist: anemoi-core>=0.2\n"
    )
    (info / "entry_points.txt").write_text(
        f"[anemoi.core.jobs]\n{name} = anemoi_plugin_{name}:{job}\n"
        f"[anemoi.core.commands]\n{name} = anemoi_plugin_{name}:command\n"
    )
    (site / f"anemoi_plugin_{name}.py").write_text(Path(__file__).with_name(f"{name}.py").read_text())
    (site / "sitecustomize.py").write_text(FEW_IMPORTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(":")
        patch.setenv("PYTHONPATH", path)
        yield site
    sys.modules.pop(f"anemoi_plugin_{name}", None)


@pytest.fixture(scope="session", name="trial")
def trial_plugin(tmp_path_factory):
    with installed("trial", "TrialJob", tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session", name="cyclones")
def cyclones_plugin(tmp_path_factory):
    with installed("cyclones", "CyclonesJob", tmp_path_factory.mktemp("cyclones")) as site:
        yield site


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A model that has learned next to nothing, in seconds."""
    folder = tmp_path_factory.mktemp("trained")
    words = ["+experiment=quickstart", "training.steps=1", "graph.refinement=1", "--output", "run"]
    subprocess.run([Path(sys.executable).with_name("anemoi"), "train", *words], cwd=folder, check=True)
    return folder / "run" / "checkpoint.safetensors"


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
