"""How fast a server is, and whether it loses anything when it is killed.

    python benchmarks/server.py CHECKPOINT [--only PART]... [--kills 20] [--jobs 20] [--days 10]

``ready``: from the command to the first page, and ``anemoi --version`` beside it. ``first-step``: from asking for a
forecast to its first state, with warm workers, and the same forecast from the command line. ``latency``: of the list
of jobs, with 100 clients that ask again and again while 4 jobs run. ``many``: of the list among 10,000 finished jobs,
and of all its pages. ``kills``: jobs are asked for while the server and its workers are killed at random moments;
tells how many ended right, with the fields of an undisturbed forecast, and whether any was done twice.

Seconds on the clock, if nothing else is said: on a machine that does other things they are many. Give a small model: anemoi train training.steps=2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

ANEMOI = "import sys; from anemoi.core.cli.main import main; sys.exit(main())"
API = "/api/v1"
PATIENCE = 1800.0
OPTIONS = {"model": "tiny", "start": "2025-12-22T00"}


class Server:
    """A server in a process of its own, on a port of its own.

    Parameters
    ----------
    directory
        Its data directory.
    overrides
        Of the configuration.
    """

    def __init__(self, directory: Path, *overrides: str) -> None:
        self.directory, self._overrides = directory, overrides
        self.port = 20000 + os.getpid() % 20000
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it, and give the seconds until a page is there."""
        began = time.perf_counter()
        words = ["serve", "--port", str(self.port), "--data", str(self.directory), "access.rate=null"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", ANEMOI, *words, *self._overrides],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self._answers() or self.process.poll() is not None, pause=0.01)
        seconds = time.perf_counter() - began
        self._of_before = [(job["id"], job["attempt"]) for job in self._left()]
        return seconds

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, kind: str, **options: Any) -> str:
        """Ask for a job, and give its identifier."""
        answer = httpx.post(f"{self.url}{API}/jobs", json={"kind": kind, "options": options}, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def job(self, identifier: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}{API}/jobs/{identifier}", timeout=60).json()
        return found

    def ended(self, identifier: str) -> dict[str, Any]:
        """Wait for the end of a job."""
        until(lambda: self.job(identifier)["state"] in ("finished", "failed", "cancelled"), pause=0.1)
        return self.job(identifier)

    def has_state(self, identifier: str) -> bool:
        events = self.directory / "work" / identifier / "events.jsonl"
        return events.exists() and '"event": "state"' in events.read_text()

    def is_busy(self) -> bool:
        """Whether a job has made a step since this server was started, or none is left."""
        left = self._left()
        return not left or any(
            job["state"] == "running" and job["done"] and (job["id"], job["attempt"]) not in self._of_before
            for job in left
        )

    def _left(self) -> list[dict[str, Any]]:
        """The jobs that have not ended."""
        given = {"state": ["queued", "running"], "limit": 500}
        found: list[dict[str, Any]] = httpx.get(f"{self.url}{API}/jobs", params=given, timeout=60).json()[
            "jobs"
        ]
        return found

    def workers(self) -> list[psutil.Process]:
        """Its Dask workers."""
        children = psutil.Process(self.process.pid).children()
        return [each for each in children if "spawn_main" in " ".join(each.cmdline())]

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(120)


def until(happens: Callable[[], bool], *, pause: float) -> None:
    end = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(pause)


@contextmanager
def serving(checkpoint: Path, *overrides: str) -> Iterator[Server]:
    """A server that has a model, and has made a forecast with it."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        (data / "models").mkdir(parents=True)
        shutil.copy(checkpoint, data / "models" / "tiny.safetensors")
        server = Server(data, *overrides)
        server.start()
        try:
            for job in [server.ask("forecast", **OPTIONS, lead_time="6h") for _ in range(2)]:
                server.ended(job)
            yield server
        finally:
            server.stop()


def ready(rounds: int) -> None:
    """Print how long a page takes."""
    seconds, processor, versions = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            server = Server(Path(directory))
            seconds.append(server.start())
            processor.append(sum(psutil.Process(server.process.pid).cpu_times()[:2]))
            server.stop()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", ANEMOI, "--version"], check=True, stdout=subprocess.DEVNULL)
        versions.append(time.perf_counter() - began)
    print(
        f"ready page: {spread(seconds)}, on the processor {spread(processor)}; anemoi --version: {spread(versions)}"
    )


def first_step(checkpoint: Path, rounds: int) -> None:
    """Print how long the first state takes, here and from the command line."""
    warm, cold = [], []
    with serving(checkpoint) as server:
        for _ in range(rounds):
            began = time.perf_counter()
            job = server.ask("forecast", **OPTIONS, lead_time="24h")
            until(lambda job=job: server.has_state(job), pause=0.005)
            warm.append(time.perf_counter() - began)
            server.ended(job)
            with tempfile.TemporaryDirectory() as directory:
                cold.append(_of_command(server.directory / "work" / job / "suite.yaml", Path(directory)))
    print(f"first step: {spread(warm)}; of the command line: {spread(cold)}")


def _of_command(suite: Path, directory: Path) -> float:
    shutil.copy(suite, directory)
    (directory / "results").mkdir()
    log, began = directory / "log", time.perf_counter()
    words = ["forecast", "suite.yaml", "--log-json", "log"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", ANEMOI, *words], cwd=directory, env=environment, stdout=subprocess.DEVNULL
    )
    until(lambda: log.exists() and '"event": "state"' in log.read_text(), pause=0.005)
    seconds = time.perf_counter() - began
    process.wait()
    return seconds


def latency(checkpoint: Path, clients: int, requests: int) -> None:
    """Print how long the list takes while jobs run."""
    with serving(checkpoint, "running.workers=4") as server:
        jobs = [server.ask("forecast", **OPTIONS, lead_time="60d") for _ in range(4)]
        until(lambda: all(server.job(job)["state"] != "queued" for job in jobs), pause=0.1)
        seconds = asyncio.run(_asked(server.port, f"{API}/jobs", clients, requests))
        running = sum(server.job(job)["state"] == "running" for job in jobs)
        for job in jobs:
            httpx.post(f"{server.url}{API}/jobs/{job}/cancel", timeout=60)
    cuts = statistics.quantiles(seconds, n=100)
    rate = len(seconds) / (sum(seconds) / clients)
    print(
        f"list, {clients} clients, {running} jobs still running: median {cuts[49] * 1e3:.0f} ms, 99th percentile "
        f"{cuts[98] * 1e3:.0f} ms, {rate:.0f} requests/s"
    )


async def _asked(port: int, path: str, clients: int, requests: int) -> list[float]:
    """Ask again and again, each client on a connection of its own; by hand, for a library takes longer than the server."""
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()

    async def one() -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        for _ in range(requests):
            began = time.perf_counter()
            writer.write(asked)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert head.startswith("http/1.1 200"), head
            await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
            found.append(time.perf_counter() - began)
        writer.close()
        return found

    return [each for found in await asyncio.gather(*(one() for _ in range(clients))) for each in found]


def many(number: int) -> None:
    """Print how long lists among many jobs take."""
    from anemoi_plugin_server.records import State
    from anemoi_plugin_server.services import Services
    from anemoi_plugin_server.settings import Settings

    with tempfile.TemporaryDirectory() as directory:
        services = Services.of(Settings(directory=directory))
        for _ in range(number):
            services.jobs.submit("forecast", OPTIONS, owner="local")
            job = services.jobs.claim("nobody")
            assert job is not None
            services.jobs.end(job, State.FINISHED, result="0" * 64, size=1)
        services.database.close()
        server = Server(Path(directory))
        server.start()
        first = []
        for _ in range(50):
            began = time.perf_counter()
            httpx.get(f"{server.url}{API}/jobs", timeout=60).raise_for_status()
            first.append(time.perf_counter() - began)
        began, seen, before = time.perf_counter(), 0, None
        with httpx.Client(timeout=60) as client:
            while seen == 0 or before:
                given = {"limit": 500, **({"before": before} if before else {})}
                page = client.get(f"{server.url}{API}/jobs", params=given).json()
                seen, before = seen + len(page["jobs"]), page["next"]
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        httpx.get(f"{server.url}/jobs", timeout=60).raise_for_status()
        html = time.perf_counter() - began
        server.stop()
    print(
        f"{number} finished jobs: a list of 50 {spread(first)}, all {seen} in pages of 500 {seconds:.1f} s, the page "
        f"of jobs {html * 1e3:.0f} ms"
    )


def kills(checkpoint: Path, jobs: int, times: int, days: int, seed: int) -> None:
    """Kill the server and its workers, and print how the jobs ended."""
    draw = random.Random(seed)
    options = {**OPTIONS, "lead_time": f"{days}d"}
    with serving(checkpoint, "running.attempts=20") as server:
        whole = server.ended(server.ask("forecast", **options))
        asked = [server.ask("forecast", **options) for _ in range(jobs)]
        killed = {"server": 0, "worker": 0}
        for _ in range(times):
            until(server.is_busy, pause=0.1)
            time.sleep(draw.uniform(0, 5))
            workers = server.workers()
            if workers and draw.random() < 0.5:
                draw.choice(workers).kill()
                killed["worker"] += 1
            else:
                server.stop(signal.SIGKILL)
                killed["server"] += 1
                server.start()
        ended = [server.ended(job) for job in asked]
        events = [_events(server.directory / "work" / job["id"] / "events.jsonl") for job in ended]
        finished = sum(job["state"] == "finished" for job in ended)
        twice = sum(each.count("finished") != 1 or each.count("kept") != 1 for each in events)
        expected = _fields(server.directory, whole)
        same = sum(_fields(server.directory, job) == expected for job in ended if job["result"])
        attempts = [job["attempt"] for job in ended]
        left = list((server.directory / "results").glob(".*"))
        kept = len(list((server.directory / "results").iterdir())) - len(left)
    print(
        f"killed {killed['server']} servers and {killed['worker']} workers: {finished} of {jobs} finished, {same} with "
        f"the fields of an undisturbed forecast, {twice} written twice, {sum(attempts)} attempts (at most "
        f"{max(attempts)} of one job), {kept} results, {len(left)} left half-made"
    )
    for job in ended:
        if job["state"] != "finished":
            print(f"  {job['state']}: {job['error']}")


def _events(path: Path) -> list[str]:
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line)["event"])
        except ValueError:  # torn by a kill
            continue
    return found


def _fields(directory: Path, job: dict[str, Any]) -> bytes:
    """The values of the forecast of a job."""
    import hashlib

    from anemoi_plugin_zarr.store import open_group

    group = open_group(str(directory / "results" / job["result"] / "files" / "forecast.zarr"))
    digest = hashlib.sha256()
    for name, array in sorted(group.arrays()):
        digest.update(name.encode() + array[...].tobytes())
    return digest.digest()


def spread(seconds: list[float]) -> str:
    """The median and the range."""
    return f"{statistics.median(seconds):.3g} s ({min(seconds):.3g} to {max(seconds):.3g})"


PARTS = ("ready", "first-step", "latency", "many", "kills")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--finished", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    for part in given.only or PARTS:
        if part == "ready":
            ready(given.rounds)
        elif part == "first-step":
            first_step(given.checkpoint, given.rounds)
        elif part == "latency":
            latency(given.checkpoint, given.clients, given.requests)
        elif part == "many":
            many(given.finished)
        else:
            kills(given.checkpoint, given.jobs, given.kills, given.days, given.seed)
        print(f"load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
