"""Submits the jobs of schedules when their time has come and their data are there, each once."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from anemoi.core.errors import AnemoiError, NotThereError, RequestError, ResourceError
from anemoi.core.times import format_date

from ..access.roles import Role
from ..records import JobRecord, RunRecord, RunState, ScheduleRecord
from ..services import Services
from ..submission import submit
from . import DATE, cron

log = logging.getLogger("anemoi.server")

LOOK: Final = 20.0
"""How many seconds lie between two looks at the schedules."""

MOST: Final = 100
"""How many missed times are noted of a schedule after the server was down."""


class Scheduler:
    """Looks at schedules.

    Servers that share a database may all look: the database lets one note that a time has come, and the
    identifier of the job follows from the schedule and the time, so that no second one can be added.

    Parameters
    ----------
    services
        The parts of the server.
    """

    def __init__(self, services: Services) -> None:
        self._services, self._records = services, services.schedules

    def look(self, now: float | None = None) -> None:
        """Note the times that have come, and submit the jobs of runs whose data are there.

        After the server was down, the last time that has come is made up for as long as its patience lasts;
        those before it are noted as missed.

        Raises
        ------
        ResourceError
            If the database cannot be used.
        """
        now = time.time() if now is None else now
        for schedule in self._records.due(now):
            self._come(schedule, now)
        for run in self._records.waiting():
            self._try(run, now)

    def _come(self, schedule: ScheduleRecord, now: float) -> None:
        times, next_time = cron.due(schedule.cron, schedule.next, now, most=MOST)
        states = dict.fromkeys(times[:-1], RunState.MISSED) | dict.fromkeys(times[-1:], RunState.WAITING)
        if self._records.come(schedule, states, next_time) and len(times) > 1:
            log.warning("Schedule %s: %d times have passed without a server.", schedule.id, len(times) - 1)

    def _try(self, run: RunRecord, now: float) -> None:
        try:
            schedule = self._records.get(run.schedule)
        except NotThereError:
            return  # removed meanwhile, with its runs
        if now > run.time + schedule.patience:
            self._records.note(run, RunState.MISSED, error=run.error)
            return
        try:
            job = self._submitted(schedule, run)
        except AnemoiError as error:
            waits = isinstance(error, (NotThereError, ResourceError))
            state = RunState.WAITING if waits else RunState.FAILED
            self._records.note(run, state, error=_told(error))
        else:
            self._records.note(run, RunState.SUBMITTED, job=job.id)

    def _submitted(self, schedule: ScheduleRecord, run: RunRecord) -> JobRecord:
        identifier = hashlib.sha256(f"{schedule.id} {run.time!r}".encode()).hexdigest()[:32]
        if found := self._services.jobs.several([identifier]):
            return found[identifier]  # by a server that could not note it any more
        self._check_owner(schedule.owner)
        return submit(
            self._services,
            schedule.kind,
            dated(schedule.options, run.time),
            owner=schedule.owner,
            schedule=schedule.id,
            identifier=identifier,
        )

    def _check_owner(self, name: str) -> None:
        owner = self._services.users.find(name)
        if owner is not None and owner.role < Role.RUN:
            raise RequestError(
                f"{name} may {owner.role.name.lower()}, and run jobs no longer.",
                fix="Remove the schedule, or have an administrator let its owner run jobs again.",
            )


def dated(value: Any, moment: float) -> Any:
    """Options with the time of a run, such as ``2025-12-22T00``, in place of each ``{date}``."""
    if isinstance(value, str):
        return value.replace(DATE, format_date(np.datetime64(int(moment), "s")))
    if isinstance(value, Mapping):
        return {key: dated(each, moment) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [dated(each, moment) for each in value]
    return value


def _told(error: AnemoiError) -> dict[str, Any]:
    return {"what": error.what, "fix": error.fix, "exit_code": error.exit_code}
