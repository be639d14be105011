"""Jobs on workers of a batch system: dask-jobqueue, with commands that stand in for those of SLURM."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from anemoi_plugin_server.records import State
from anemoi_plugin_server.records.jobs import ENDED
from anemoi_plugin_server.running.cluster import Cluster
from anemoi_plugin_server.running.dispatcher import Dispatcher
from anemoi_plugin_server.running.settings import RunningSettings
from anemoi_plugin_server.submission import submit

pytestmark = pytest.mark.usefixtures("trial")

COMMANDS = {
    "sbatch": """script=$(mktemp "$QUEUE/XXXXXX.sh") && cp "$1" "$script"
setsid bash "$script" > "$script.log" 2>&1 &
echo "Submitted batch job $!"
""",
    "scancel": 'kill -- "-$1"\n',
}


@pytest.fixture(name="slurm")
def stand_in(tmp_path, monkeypatch):
    programs, queue = tmp_path / "bin", tmp_path / "queue"
    queue.mkdir()
    programs.mkdir()
    for name, lines in COMMANDS.items():
        (programs / name).write_text(f"#!/bin/bash\n{lines}")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(queue))
    return queue


@pytest.fixture(name="dispatcher")
def on_slurm(services, slurm):
    named = {
        "class": "dask_jobqueue.SLURMCluster",
        "cores": 1,
        "processes": 1,
        "memory": "1GB",
        "interface": "lo",
        "protocol": "tls://",
        "security": True,
        "shared_temp_directory": str(slurm),
        "scheduler_options": {"dashboard_address": ":0"},
    }
    dispatcher = Dispatcher(services, Cluster(RunningSettings(cluster=named, workers=1)))
    dispatcher.start()
    yield dispatcher
    dispatcher.stop()


def until(check, patience=240):
    end = time.monotonic() + patience
    while not (found := check()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def batch_jobs(slurm):
    """The processes that the batch system started: they are given certificates beside their scripts."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if "distributed.cli.dask_worker" in (words := each.info["cmdline"] or [])
        and any(word.startswith(str(slurm)) for word in words)
    ]


def test_a_job_whose_batch_job_is_killed_is_begun_again_in_another(services, dispatcher, slurm):
    job = submit(services, "trial", {"do": "spawn"}, owner="me").id
    until((services.settings.place / "work" / job / "pids.json").exists)
    for process in batch_jobs(slurm):
        process.kill()
    found = until(lambda: (found := services.jobs.get(job)).attempt == 2 and found)
    assert found.state is State.RUNNING
    assert len(list(slurm.glob("*.log"))) == 2
    services.jobs.cancel(job)
    assert until(lambda: (found := services.jobs.get(job)).state in ENDED and found).state is State.CANCELLED
    dispatcher.stop()
    until(lambda: not batch_jobs(slurm))
