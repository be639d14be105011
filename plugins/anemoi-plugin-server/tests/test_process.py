"""A job's process: its limits, its environment, its end, and that of what it has started."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from anemoi_plugin_server.results.shelf import Shelf
from anemoi_plugin_server.running.attempt import Attempt, allow
from anemoi_plugin_server.running.worker import PARENTS, run

pytestmark = pytest.mark.usefixtures("trial")


@pytest.fixture(scope="module", autouse=True)
def _parents(trial):
    yield
    PARENTS.close()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr("anemoi_plugin_server.running.worker.GRACE", 0.5)


@pytest.fixture
def attempt(tmp_path):
    """What makes an attempt at the job that does one thing."""
    for name in ("work", "models", "results"):
        (tmp_path / name).mkdir()

    def make(do, **given):
        allow(tmp_path / "work", given.get("number", 1))
        made = Attempt(
            job="a",
            number=1,
            kind="trial",
            options={"do": do},
            directory=str(tmp_path / "work"),
            models=str(tmp_path / "models"),
            results=str(tmp_path / "results"),
            time_limit=60,
            memory_limit=4 << 30,
        )
        return replace(made, **given)

    return make


def events(attempt):
    return [json.loads(line) for line in (Path(attempt.directory) / "events.jsonl").read_text().splitlines()]


def eventually(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def pids(attempt):
    """Those of a job that has a process of its own."""
    path = Path(attempt.directory) / "pids.json"
    eventually(lambda: path.exists() and path.read_text())
    return json.loads(path.read_text())


def are_dead(numbers):
    def dead(number):
        try:
            return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(map(dead, numbers))


def test_a_result_is_kept_and_told_of_and_no_secret_is_inherited(attempt, monkeypatch):
    monkeypatch.setenv("A_SECRET", "word")
    monkeypatch.setenv("A_NAMED", "word")
    made = attempt("write", environment=("A_NAMED",), threads=2)
    assert run(made).code == 0
    told = events(made)
    assert [each["event"] for each in told] == ["begun", "step", "step", "step", "kept"]
    kept = Path(made.results) / told[-1]["result"] / "files"
    assert (kept / "made.txt").read_text() == "made"
    given = json.loads((kept / "environment.json").read_text())
    assert "A_SECRET" not in given
    assert given["A_NAMED"] == "word"
    assert given["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(
    ("do", "code", "what"),
    [("fail", 3, "There is no state at 2000-01-01T00."), ("refuse", 3, "There is no such thing.")],
)
def test_an_error_is_that_of_the_command_line(attempt, do, code, what):
    made = attempt(do)
    assert run(made).code == code
    last = events(made)[-1]
    assert (last["event"], last["error"], last["exit_code"]) == ("failed", what, code)
    said = (Path(made.directory) / "stderr").read_text()
    assert said.startswith(f"Error: {what}")
    assert "Traceback" not in said


def test_time_and_memory_are_limited(attempt):
    assert run(attempt("spawn", time_limit=0.5)).exceeded == "time"
    grown = attempt("grow", number=2, memory_limit=700 << 20)
    ended = run(grown)  # what it is refused or what it has: whichever reaches the limit first
    assert ended.exceeded == "memory" or ended.code == 6


def test_who_asks_for_too_much_at_once_is_refused(attempt):
    made = attempt("leap")
    assert run(made).code == 6
    assert "memory does not suffice" in (Path(made.directory) / "stderr").read_text()


def test_an_attempt_that_may_not_run_any_more_is_dead_with_all_that_it_started(attempt):
    made = attempt("spawn")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(run(made)))
    thread.start()
    running = pids(made)
    assert not are_dead(running)
    allow(Path(made.directory), 0)
    thread.join(30)
    assert ended[0].lost is None
    eventually(lambda: are_dead(running))


def test_a_further_attempt_waits_until_the_one_before_has_left(attempt):
    first = attempt("spawn")
    thread = threading.Thread(target=run, args=[first])
    thread.start()
    running = pids(first)
    second = attempt("write", number=2)  # which takes the permission from the first
    assert run(second).code == 0
    assert are_dead(running)
    thread.join(30)


def test_what_is_killed_is_lost_and_no_attempt_is_begun_twice(attempt):
    made = attempt("die")
    assert "killed" in run(made).lost
    assert "worker has died" in run(made).lost
    assert len(events(made)) == 1


def test_a_job_ends_with_its_worker(attempt):
    made = attempt("spawn")
    code = (
        "import json, sys\n"
        "from anemoi_plugin_server.running.attempt import Attempt\n"
        "from anemoi_plugin_server.running.worker import run\n"
        "run(Attempt(**json.loads(sys.argv[1])))\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, json.dumps(asdict(made))])
    running = pids(made)
    worker.kill()
    worker.wait()
    eventually(lambda: are_dead(running))


def test_a_warm_parent_whose_worker_has_gone_says_nothing():
    with subprocess.Popen(
        [sys.executable, "-m", "anemoi_plugin_server.running.warm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as parent:
        parent.stdout.close()  # before it is ready
        assert parent.stderr.read() == b""
    assert parent.returncode == 0


def test_the_same_contents_are_kept_once(tmp_path):
    shelf = Shelf(tmp_path / "results")
    shelf.directory.mkdir()
    for number in range(2):
        made = tmp_path / f"made-{number}"
        (made / "store.zarr" / "t").mkdir(parents=True)
        (made / "store.zarr" / ".zattrs").write_text("{}")
        (made / "store.zarr" / "t" / "0.0").write_bytes(b"12")
        (made / ".store.zarr.journal").write_text(f"another {number}")
        kept = shelf.keep(made, kind="trial")
    assert [path.name for path in shelf.directory.iterdir()] == [kept.digest]
    files = {file["path"]: file["size"] for file in shelf.manifest(kept.digest)["files"]}
    assert files == {"store.zarr/.zattrs": 2, "store.zarr/t/0.0": 2}
    assert kept.size == 4
    (made / "store.zarr" / "t" / "0.0").unlink()
    (made / "store.zarr" / "t" / "0.0").write_bytes(b"34")
    assert shelf.keep(made, kind="trial").digest != kept.digest
    assert (kept.directory / "files" / "store.zarr" / "t" / "0.0").read_bytes() == b"12"
