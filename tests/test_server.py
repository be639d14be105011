"""A server that is killed while it makes a forecast, and the one that goes on: nothing is lost, nothing done twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from anemoi.core.config import build
from anemoi.core.lineage import verify
from test_end_to_end import TINY, anemoi, succeed

PROGRAM = "import sys; from anemoi.core.cli import main; sys.exit(main())"


class Server:
    """`anemoi serve` in a process of its own, over one data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def start(self) -> None:
        words = ["serve", "--port", "0", "--data", str(self._data), "running.workers=1", "access.rate=null"]
        with (self._data / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, stderr=log, text=True
            )
        url = re.search(r"http://[^\s:]+:\d+", self.process.stdout.readline())
        self._api = httpx.Client(base_url=f"{url[0]}/api/v1", timeout=60)

    def ask(self, kind: str, **options) -> str:
        answer = self._api.post("/jobs", json={"kind": kind, "options": options})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def job(self, identifier: str) -> dict:
        return self._api.get(f"/jobs/{identifier}").json()

    def until(self, identifier: str, true) -> dict:
        end = time.monotonic() + 300
        while not true(found := self.job(identifier)):
            assert time.monotonic() < end, (found, (self._data / "log").read_text()[-2000:])
            time.sleep(0.05)
        return found

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=120)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    succeed("train", *TINY, "--output", directory / "run")
    (directory / "data" / "models").mkdir(parents=True)
    (directory / "run" / "checkpoint.safetensors").rename(directory / "data" / "models" / "tiny.safetensors")
    return directory / "data"


def ended(job: dict) -> bool:
    return job["state"] in ("finished", "failed", "cancelled")


def fields(path: Path):
    source = build("source", {"name": "zarr", "path": str(path)})
    return source.read(source.times)


def test_a_forecast_goes_on_when_its_server_was_killed(data):
    server = Server(data)
    server.start()
    job = server.ask("forecast", model="tiny", start="2025-12-22T00", lead_time="30d")
    server.until(job, lambda found: found["done"] >= 10)
    family = psutil.Process(server.process.pid).children(recursive=True)
    server.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive  # neither workers nor jobs
    server.start()
    try:
        found = server.until(job, ended)
        assert (found["state"], found["attempt"], found["done"], found["total"]) == ("finished", 2, 120, 120)
        work, kept, apart = data / "work" / job, data / "results" / found["result"], data / "undisturbed"
        events = [json.loads(line)["event"] for line in (work / "events.jsonl").read_text().splitlines()]
        assert [events.count(name) for name in ("begun", "finished", "kept")] == [2, 1, 1]
        assert [path.name for path in (data / "results").iterdir()] == [found["result"]]
        (apart / "results").mkdir(parents=True)
        shutil.copy(work / "suite.yaml", apart)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "forecast", "suite.yaml"],
            cwd=apart,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        made = kept / "files" / "forecast.zarr"
        assert fields(made).tobytes() == fields(apart / "results" / "forecast.zarr").tobytes()
        assert {finding.status for finding in verify(made)} <= {"ok", "unknown"}
        drawn = server.until(server.ask("plot", forecast=job, lead_time="6h"), ended)
        assert drawn["state"] == "finished", drawn["error"]
        scored = server.until(server.ask("evaluate", model="tiny", start="2025-12-23", lead_time="6h"), ended)
        assert scored["state"] == "finished", scored["error"]
        files = json.loads((data / "results" / scored["result"] / "manifest.json").read_text())
        assert [file["path"] for file in files["files"]] == ["report/report.html", "scores.json"]
        assert files["provenance"]["scores.json"]["kind"] == "report"
    finally:
        server.stop()
    assert anemoi("provenance", made).returncode == 0
