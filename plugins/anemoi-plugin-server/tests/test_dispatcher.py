"""Jobs from the queue to their end: by workers that are killed, of servers that are killed, on full disks."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from anemoi.core.errors import ConfigError, ResourceError
from distributed import LocalCluster

from anemoi_plugin_server.records import Lease, State
from anemoi_plugin_server.records.jobs import ENDED
from anemoi_plugin_server.running.attempt import CURRENT, Ended
from anemoi_plugin_server.running.cluster import Cluster
from anemoi_plugin_server.running.dispatcher import Dispatcher
from anemoi_plugin_server.running.settings import RunningSettings
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings
from anemoi_plugin_server.submission import submit

pytestmark = pytest.mark.usefixtures("trial")


@pytest.fixture(scope="module", name="cluster")
def warm_cluster(trial):
    cluster = Cluster(RunningSettings(workers=2))
    cluster.start()
    yield cluster
    cluster.close()


class Shared:
    """The cluster of the module, which no server ends."""

    def __init__(self, cluster):
        self._cluster = cluster

    def __getattr__(self, name):
        return getattr(self._cluster, name)

    def close(self):
        pass


@pytest.fixture
def server(services, cluster):
    dispatcher = Dispatcher(services, Shared(cluster))
    dispatcher.start()
    yield dispatcher
    dispatcher.stop()


def ask(services, do):
    return submit(services, "trial", {"do": do}, owner="me").id


def until(services, job, states=ENDED, seconds=60):
    end = time.monotonic() + seconds
    while (found := services.jobs.get(job)).state not in states:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def directory(services, job):
    return services.settings.place / "work" / job


def processes(services, job):
    path = directory(services, job) / "pids.json"
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return json.loads(path.read_text())


def are_dead(numbers):
    return not any(
        psutil.pid_exists(each) and psutil.Process(each).status() != psutil.STATUS_ZOMBIE for each in numbers
    )


def test_jobs_run_and_end_as_the_command_line_would(services, server):
    jobs = {do: ask(services, do) for do in ("write", "fail", "refuse", "crash", "leap")}
    ended = {do: until(services, job) for do, job in jobs.items()}
    made = ended["write"]
    assert (made.state, made.done, made.total, made.attempt) == (State.FINISHED, 3, 3, 1)
    assert (services.offers.results / made.result / "files" / "made.txt").read_text() == "made"
    assert not (directory(services, made.id) / "results").exists()
    assert ended["fail"].error == {
        "what": "There is no state at 2000-01-01T00.",
        "fix": "Choose another date.",
        "exit_code": 3,
    }
    assert ended["refuse"].error["what"] == "There is no such thing."
    assert ended["crash"].error == {
        "what": "RuntimeError: a mistake in a plugin",
        "fix": None,
        "exit_code": 1,
    }
    assert ended["leap"].error["exit_code"] == 6
    assert "The limit is 16 GiB" in ended["leap"].error["what"]


def test_a_cancelled_job_is_dead_and_one_that_waits_never_begins(services, server):
    running = [ask(services, "spawn") for _ in range(2)]
    waiting = ask(services, "write")
    numbers = [number for job in running for number in processes(services, job)]
    for job in (*running, waiting):
        services.jobs.cancel(job)
    for job in (*running, waiting):
        assert until(services, job).state is State.CANCELLED
    assert are_dead(numbers)
    assert not directory(services, waiting).exists()


def test_a_job_whose_worker_is_killed_is_begun_again_and_after_three_times_no_more(services, server):
    again = until(services, ask(services, "once"))
    assert (again.state, again.attempt, again.losses) == (State.FINISHED, 2, 1)
    dead = until(services, ask(services, "die"))
    assert (dead.state, dead.attempt) == (State.FAILED, 3)
    assert dead.error["what"].startswith("Its worker was lost 3 times")
    assert dead.error["exit_code"] == 6


def test_a_worker_of_the_cluster_that_is_killed_is_a_loss(services, server, cluster):
    job = ask(services, "spawn")
    numbers = processes(services, job)
    (directory(services, job) / "pids.json").unlink()
    worker = psutil.Process(numbers[0]).parent().parent()  # of the warm parent
    os.kill(worker.pid, signal.SIGKILL)
    others = processes(services, job)
    assert are_dead(numbers)
    found = services.jobs.get(job)
    assert (found.state, found.attempt, found.losses) == (State.RUNNING, 2, 1)
    services.jobs.cancel(job)
    assert until(services, job).state is State.CANCELLED
    assert are_dead(others)


ELSEWHERE = {"n_workers": 0, "threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}


def test_jobs_wait_for_the_workers_of_a_scheduler_elsewhere(services):
    with LocalCluster(**ELSEWHERE) as elsewhere:
        address = elsewhere.scheduler_address
        dispatcher = Dispatcher(
            services, Cluster(RunningSettings(scheduler=address, needs={"data": {"GPU": 1}}))
        )
        dispatcher.start()
        job = ask(services, "write")
        time.sleep(2)
        assert services.jobs.get(job).state is State.QUEUED
        elsewhere.scale(1)
        assert until(services, job).state is State.FINISHED
        assert not dispatcher._cluster.could_run({"GPU": 1})
        dispatcher.stop()


def test_a_cluster_by_its_class_has_workers_while_there_is_work(services):
    named = {"class": "distributed.LocalCluster", **ELSEWHERE}
    dispatcher = Dispatcher(services, Cluster(RunningSettings(cluster=named, workers=1)))
    dispatcher.start()
    assert until(services, ask(services, "write")).state is State.FINISHED
    dispatcher.stop()


@pytest.mark.parametrize("path", ["", "nothing", "distributed.NoSuchCluster", "no_such_module.Cluster"])
def test_a_class_of_clusters_that_is_none_is_refused(path):
    with pytest.raises(ConfigError, match=r"running\.cluster: there is no class"):
        Cluster(RunningSettings(cluster={"class": path}))


def test_a_scheduler_that_does_not_answer_is_told_of():
    with pytest.raises(ResourceError, match="There is no Dask scheduler at nowhere"):
        Cluster(RunningSettings(scheduler="nowhere")).start()


def test_jobs_of_a_server_that_has_died_are_taken_over(services, server):
    server.stop()
    job = ask(services, "write")
    services.jobs.claim("a server that is gone")
    next_one = Dispatcher(services, server._cluster)
    next_one.start()
    found = until(services, job)
    next_one.stop()
    assert (found.state, found.attempt, found.losses) == (State.FINISHED, 2, 0)


def test_a_server_that_stops_puts_back_what_runs(services, server):
    job = ask(services, "spawn")
    numbers = processes(services, job)
    server.stop()
    found = services.jobs.get(job)
    assert (found.state, found.losses) == (State.QUEUED, 0)
    assert are_dead(numbers)
    assert Lease(services.database, "dispatcher", "another").hold()


def test_one_server_of_two_dispatches(services, server):
    until(services, ask(services, "write"))
    other = Dispatcher(services, server._cluster)
    other.start()
    jobs = [ask(services, "write") for _ in range(6)]
    assert {until(services, job).worker for job in jobs} == {server._name}
    server.stop()
    assert until(services, ask(services, "write")).worker == other._name
    other.stop()


def test_a_lease_ends_if_it_is_not_renewed(services):
    first, second = (Lease(services.database, "a", name, term=0.3) for name in ("first", "second"))
    assert first.hold()
    assert not second.hold()
    assert first.hold()
    time.sleep(0.4)
    assert second.hold()
    assert not first.hold()
    second.release()
    assert first.hold()


class Nowhere:
    """A cluster that keeps what it is given."""

    capacity = 2

    def __init__(self):
        self.given = []

    def start(self):
        pass

    def close(self):
        pass

    def could_run(self, needs):
        return not needs

    def submit(self, attempt, needs):
        self.given.append((attempt, needs))
        return Pending()


class Pending:
    status = "pending"

    def __init__(self):
        self._cancelled = False

    def done(self):
        return self._cancelled

    def cancelled(self):
        return self._cancelled

    def cancel(self):
        self._cancelled = True


def test_a_full_disk_fails_a_job_with_a_clear_error_and_no_other(services, monkeypatch):
    full, mended = ask(services, "write"), ask(services, "write")

    def allow(where, number):
        if where.name == full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("anemoi_plugin_server.running.dispatcher.allow", allow)
    dispatcher = Dispatcher(services, Nowhere())
    dispatcher._tick()
    failed = services.jobs.get(full)
    assert failed.state is State.FAILED
    assert failed.error["what"] == "The job cannot be begun: No space left on device."
    assert failed.error["exit_code"] == ResourceError.exit_code
    assert services.jobs.get(mended).state is State.RUNNING


def test_a_database_that_is_gone_for_a_while_loses_nothing(services, monkeypatch, caplog):
    job = ask(services, "write")
    dispatcher = Dispatcher(services, Nowhere())

    def gone(*_, **__):
        raise ResourceError("The database cannot be used: it is locked.", fix="Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(services.jobs, "list", gone)
        dispatcher._trying(dispatcher._tick)
        dispatcher._trying(dispatcher._tick)
    assert [record.message for record in caplog.records if "locked" in record.message] == [
        "Jobs cannot be looked after: The database cannot be used: it is locked."
    ]
    dispatcher._trying(dispatcher._tick)
    assert services.jobs.get(job).state is State.RUNNING


def test_no_more_jobs_are_taken_than_workers_have_room_for(services):
    jobs = [ask(services, "write") for _ in range(3)]
    cluster = Nowhere()
    Dispatcher(services, cluster)._tick()
    assert [attempt.job for attempt, _ in cluster.given] == jobs[:2]
    assert (directory(services, jobs[0]) / CURRENT).read_text() == "1"


def test_a_job_that_no_worker_could_run_waits_and_lets_others_pass(tmp_path):
    settings = Settings(directory=str(tmp_path), running=RunningSettings(needs={"forecast": {"GPU": 1}}))
    services = Services.of(settings)
    services.jobs.submit("forecast", {"model": "a", "start": "2020-01-01"}, owner="me")
    job = ask(services, "write")
    cluster = Nowhere()
    Dispatcher(services, cluster)._tick()
    assert [attempt.job for attempt, _ in cluster.given] == [job]
    services.database.close()


@pytest.mark.parametrize(
    ("ended", "what"),
    [
        (Ended(-15, exceeded="time"), "The job ran longer than the limit of 6 h."),
        (Ended(-9, exceeded="memory"), "The job took more memory than the limit of 16 GiB."),
        (Ended(-11), "The process of the job was ended by SIGSEGV."),
        (Ended(1), "The command ended with exit code 1 and said nothing."),
    ],
)
def test_each_end_has_an_error(services, ended, what):
    ask(services, "write")
    dispatcher = Dispatcher(services, Nowhere())
    dispatcher._tick()
    (running,) = dispatcher._running.values()
    assert running.following.error(ended)["what"] == what


def test_a_torn_line_and_an_attempt_before_are_no_progress(services):
    job = ask(services, "write")
    events = directory(services, job) / "events.jsonl"
    events.parent.mkdir(parents=True)
    events.write_text('{"event": "step", "done": 2}\n')
    dispatcher = Dispatcher(services, Nowhere())
    dispatcher._tick()
    following = dispatcher._running[job].following
    with events.open("a") as file:
        file.write(
            '{"event": "failed", "error": "Interrupted.", "fix": null}\n{"event": "begun", "attempt": 1}\n'
        )
        file.write('{"ev\n{"event": "step", "done": 1}\n{"event": "st')
    assert following.read().done == 1
    with Path(events).open("a") as file:
        file.write('ep", "done": 3}\n')
    assert following.read().done == 3
    assert following.error(Ended(2))["what"] == "The command ended with exit code 2 and said nothing."
