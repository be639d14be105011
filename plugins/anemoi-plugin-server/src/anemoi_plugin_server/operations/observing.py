"""Jobs whose ways are logged and measured."""

from __future__ import annotations

import logging
import time
from typing import Any

from ..records import Database, JobRecord, JobRecords, State
from .telemetry import Telemetry

_log = logging.getLogger("anemoi.server.jobs")


class ObservedJobs(JobRecords):
    """The records of jobs; each change of a state is a line of the log and counts.

    Parameters
    ----------
    database
        Where they are.
    telemetry
        What is counted.
    """

    def __init__(self, database: Database, telemetry: Telemetry) -> None:
        super().__init__(database)
        self._telemetry = telemetry

    def submit(self, *about: Any, **more: Any) -> JobRecord:
        """See :meth:`.JobRecords.submit`."""
        job = super().submit(*about, **more)
        self._telemetry.submitted.labels(job.kind).inc()
        _tell(job, job.state)
        return job

    def claim(self, *about: Any, **more: Any) -> JobRecord | None:
        """See :meth:`.JobRecords.claim`."""
        job = super().claim(*about, **more)
        if job is not None:
            if job.attempt == 1:
                self._telemetry.waited.labels(job.kind).observe(time.time() - job.created)
            _tell(job, job.state)
        return job

    def end(self, job: JobRecord, state: State, **about: Any) -> bool:
        """See :meth:`.JobRecords.end`."""
        ended = super().end(job, state, **about)
        if ended:
            took = time.time() - (job.started or job.created)
            self._telemetry.took.labels(job.kind, state.value).observe(took)
            _tell(job, state, seconds=round(took, 3))
        return ended

    def requeue(self, job: JobRecord, **about: Any) -> bool:
        """See :meth:`.JobRecords.requeue`."""
        put_back = super().requeue(job, **about)
        if put_back:
            self._telemetry.requeued.labels(job.kind).inc()
            _tell(job, State.QUEUED)
        return put_back

    def cancel(self, identifier: str) -> JobRecord:
        """See :meth:`.JobRecords.cancel`."""
        job = super().cancel(identifier)
        _tell(job, State.CANCELLED)
        return job


def _tell(job: JobRecord, state: State, **more: Any) -> None:
    about = {"job": job.id, "kind": job.kind, "state": state.value, "user": job.owner, **more}
    if job.request:
        about["request"] = job.request
    _log.info("Job %s", state.value, extra=about)
