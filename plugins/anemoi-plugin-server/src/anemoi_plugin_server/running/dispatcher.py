"""The dispatcher: gives queued jobs to free workers, follows them, and ends, repeats or records them."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AnemoiError, PluginError, ResourceError
from anemoi.core.files import remove

from ..job import Job
from ..records import JobRecord, Lease, State
from ..services import Services
from ..submission import checked
from .attempt import Ended, allow, forbid
from .cluster import Cluster
from .following import Following, error_as_json, lost
from .preparing import attempt_at

log = logging.getLogger("anemoi.server")

TICK: Final = 0.2
"""How often, in seconds, is looked at what waits and what runs."""

BETWEEN: Final = 0.5
"""How many seconds are at least between two notes of the progress of a job."""

PATIENCE: Final = 20.0
"""How many seconds are waited at the end for jobs to leave their directories."""


@dataclass
class _Running:
    """An attempt that has been given to the cluster."""

    record: JobRecord
    following: Following
    future: Any
    noted: float = 0.0


MOST: Final = 10_000
"""How many jobs at most run at once."""


class Dispatcher:
    """Runs the jobs of a server, in a thread of its own. Of several servers over one database one dispatches.

    Parameters
    ----------
    services
        The parts of the server.
    cluster
        Where jobs run; that of the settings if None.
    """

    def __init__(self, services: Services, cluster: Cluster | None = None) -> None:
        self._services, self._jobs = services, services.jobs
        self._cluster = cluster or Cluster(services.settings.running)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease = Lease(services.database, "dispatcher", self._name)
        self._running: dict[str, _Running] = {}
        self._complaint = ""
        self._stopping = threading.Event()
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin, and return at once: workers start meanwhile."""
        self._thread.start()

    @property
    def capacity(self) -> int:
        """How many jobs can run at once; 0 before workers are there."""
        return self._cluster.capacity

    def stop(self, grace: float = 0.0) -> None:
        """Take no more jobs, end those that run, and put them back into the queue, to be gone on with.

        Parameters
        ----------
        grace
            How many seconds those that run may take to end by themselves.
        """
        self._draining.set()
        end = time.monotonic() + grace
        while self._running and time.monotonic() < end:
            time.sleep(TICK)
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        _leave_interrupts_to_the_server()
        while not self._stopping.wait(TICK):
            self._trying(self._tick)
        self._trying(self._leave)
        self._lease.release()
        self._cluster.close()

    def _tick(self) -> None:
        self._cluster.start()
        if not self._lease.hold():
            self._running.clear()  # whoever has it has taken them over
            return
        for job in self._look_after_all():  # of a server that is gone
            self._trying(partial(self._take_over, job))
        if not self._draining.is_set():
            self._take()

    def _look_after_all(self) -> list[JobRecord]:
        """Look after each attempt; which jobs run besides."""
        current = {job.id: job for job in self._jobs.list(states=[State.RUNNING], limit=MOST)}
        others = [job for job in current.values() if job.id not in self._running]
        for running in list(self._running.values()):
            self._trying(partial(self._look_after, running, current.get(running.record.id)))
        return others

    def _take_over(self, job: JobRecord) -> None:
        if job.cancelling:
            forbid(self._directory(job))
            self._jobs.end(job, State.CANCELLED)
        else:
            self._jobs.requeue(job)

    def _take(self) -> None:
        """Give jobs to workers that are free."""
        needs = self._services.settings.running.needs
        impossible = [kind for kind, need in needs.items() if not self._cluster.could_run(need)]
        while len(self._running) < self._cluster.capacity:
            job = self._jobs.claim(self._name, without=impossible)
            if job is None:
                return
            try:
                self._begin(job)
            except AnemoiError as error:
                self._end(job, State.FAILED, error=error_as_json(error))
            except OSError as error:
                self._end(job, State.FAILED, error=error_as_json(_of_disk(error)))

    def _begin(self, job: JobRecord) -> None:
        built = checked(job.kind, job.options)
        attempt = attempt_at(self._services, job)
        directory = Path(attempt.directory)
        directory.mkdir(parents=True, exist_ok=True)
        allow(directory, job.attempt)
        needs = self._services.settings.running.needs.get(job.kind, {})
        future = self._cluster.submit(attempt, needs)
        self._running[job.id] = _Running(job, Following(attempt, built), future)

    def _look_after(self, running: _Running, job: JobRecord | None) -> None:
        """Note how far it is, end it where that is asked for, and record its end."""
        if job is None or job.attempt != running.record.attempt:
            del self._running[running.record.id]  # another server has it
            return
        if running.future.done():
            self._finish(running, job)
            del self._running[job.id]
            return
        if job.cancelling or self._stopping.is_set():
            forbid(self._directory(job))
            if not running.following.attempt.begun.exists():
                running.future.cancel()  # it waits for a worker
        progress, now = running.following.read(), time.monotonic()
        if (progress.done, progress.total) != (job.done, job.total) and now - running.noted >= BETWEEN:
            running.noted = now
            self._jobs.advance(job, progress.done, progress.total)

    def _finish(self, running: _Running, job: JobRecord) -> None:
        following, progress = running.following, running.following.read()
        if (progress.done, progress.total) != (job.done, job.total):
            self._jobs.advance(job, progress.done, progress.total)
        ended = _ended(running.future)
        if isinstance(ended, AnemoiError):
            self._end(job, State.FAILED, error=error_as_json(ended))
        elif ended is not None and ended.code == 0 and (kept := following.kept) is not None:
            self._end(job, State.FINISHED, result=kept["result"], size=kept["size"])
        elif job.cancelling:
            self._end(job, State.CANCELLED)
        elif ended is None or self._stopping.is_set():
            self._jobs.requeue(job)
        elif ended.lost is None:
            self._end(job, State.FAILED, error=following.error(ended))
        elif job.losses + 1 >= self._services.settings.running.attempts:
            self._end(job, State.FAILED, error=lost(ended.lost, job.losses + 1))
        else:
            self._jobs.requeue(job, lost=True)

    def _end(self, job: JobRecord, state: State, **about: Any) -> None:
        if self._jobs.end(job, state, **about):
            # The shelf has what a finished job made; what another has made by halves only takes room.
            remove(self._directory(job) / Job.results)

    def _leave(self) -> None:
        """End what runs, and put it back into the queue."""
        end = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < end:
            self._look_after_all()
            time.sleep(TICK)
        for running in self._running.values():
            self._jobs.requeue(running.record)

    def _directory(self, job: JobRecord) -> Path:
        return self._services.settings.place / "work" / job.id

    def _trying(self, do: Callable[[], None]) -> None:
        """Do what the database, the disk or the cluster may not allow: the next tick tries again."""
        try:
            do()
        except AnemoiError as error:
            self._complain(error.what)
        except Exception as error:  # nothing that one job does may keep the others from running
            self._complain(f"{type(error).__name__}: {error}", error)

    def _complain(self, what: str, error: Exception | None = None) -> None:
        """Log what cannot be done, once and not at each tick."""
        if what != self._complaint:
            log.warning("Jobs cannot be looked after: %s", what, exc_info=error)
        self._complaint = what


def _leave_interrupts_to_the_server() -> None:
    """Block Ctrl-C, which a terminal sends to all processes, here and in the workers that this thread begins.

    They inherit that, unless the tracker of resources is begun later, which unblocks it in its thread.
    """
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _ended(future: Any) -> Ended | AnemoiError | None:
    """How the task of an attempt ended; None if it was taken back, or the cluster is gone."""
    from distributed import KilledWorker

    if future.cancelled() or future.status == "lost":
        return None
    error = future.exception()
    if error is None:
        ended: Ended = future.result()
        return ended
    if isinstance(error, KilledWorker):
        return Ended(lost="its worker has died")
    if isinstance(error, AnemoiError):
        return error
    return PluginError(
        f"A worker cannot run the job: {type(error).__name__}: {error}.",
        fix="Install the same distributions, in the same versions, where the workers are.",
    )


def _of_disk(error: OSError) -> AnemoiError:
    return ResourceError.kind(error)(
        f"The job cannot be begun: {error.strerror}.", fix="Make room in the data directory of the server."
    )
