"""Schedules, and what became of each of their times."""

from __future__ import annotations

import enum
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anemoi.core.errors import NotThereError
from sqlalchemy import Row, delete, func, insert, select, update

from .engine import Database
from .tables import runs, schedules


class RunState(str, enum.Enum):
    """What became of a time of a schedule."""

    WAITING = "waiting"
    SUBMITTED = "submitted"
    MISSED = "missed"
    FAILED = "failed"


@dataclass(frozen=True)
class ScheduleRecord:
    """A job at set times.

    Parameters
    ----------
    id
        Its identifier.
    owner
        Whose jobs they are.
    kind, options
        The job; ``{date}`` in a text of its options is the time of the run.
    cron
        When, UTC.
    patience
        For how many seconds after its time a run waits for its data.
    enabled
        Whether further times come.
    created, next
        When it was made, and when its next time comes: seconds since 1970, UTC.
    """

    id: str
    owner: str
    kind: str
    options: Mapping[str, Any]
    cron: str
    patience: float
    enabled: bool
    created: float
    next: float

    @classmethod
    def of(cls, row: Row[Any]) -> ScheduleRecord:
        """From a row of the table."""
        return cls(**row._mapping)


@dataclass(frozen=True)
class RunRecord:
    """A time of a schedule that has come.

    Parameters
    ----------
    schedule, time
        Of which schedule, and when: seconds since 1970, UTC.
    state
        What became of it.
    job
        The job that was submitted.
    error
        Why not, or not yet: ``what``, ``fix`` and ``exit_code``.
    """

    schedule: str
    time: float
    state: RunState
    job: str | None
    error: Mapping[str, Any] | None

    @classmethod
    def of(cls, row: Row[Any]) -> RunRecord:
        """From a row of the table."""
        return cls(**{**row._mapping, "state": RunState(row.state)})


class ScheduleRecords:
    """The schedules of a server.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, **values: Any) -> ScheduleRecord:
        """Add one: all that a :class:`ScheduleRecord` has but ``id`` and ``created``."""
        identifier = secrets.token_hex(16)
        with self._database.writing() as connection:
            connection.execute(insert(schedules).values(id=identifier, created=time.time(), **values))
        return self.get(identifier)

    def get(self, identifier: str) -> ScheduleRecord:
        """One schedule.

        Raises
        ------
        NotThereError
            If there is none.
        """
        with self._database.reading() as connection:
            query = select(schedules).where(schedules.c.id == identifier)
            row = connection.execute(query).one_or_none() if identifier.isalnum() else None
        if row is None:
            raise NotThereError(f"There is no schedule {identifier}.", fix="It may have been removed.")
        return ScheduleRecord.of(row)

    def list(self, *, owner: str | None = None) -> Sequence[ScheduleRecord]:
        """All, or those of one user, the oldest first."""
        query = select(schedules).order_by(schedules.c.created, schedules.c.id)
        if owner is not None:
            query = query.where(schedules.c.owner == owner)
        with self._database.reading() as connection:
            return [ScheduleRecord.of(row) for row in connection.execute(query)]

    def change(self, identifier: str, **values: Any) -> ScheduleRecord:
        """Change one.

        Raises
        ------
        NotThereError
            If there is none.
        """
        with self._database.writing() as connection:
            connection.execute(update(schedules).where(schedules.c.id == identifier).values(**values))
        return self.get(identifier)

    def remove(self, identifier: str) -> None:
        """Remove one, and what became of its times; its jobs stay."""
        with self._database.writing() as connection:
            connection.execute(delete(runs).where(runs.c.schedule == identifier))
            connection.execute(delete(schedules).where(schedules.c.id == identifier))

    def due(self, now: float) -> Sequence[ScheduleRecord]:
        """Those whose next time has come."""
        query = select(schedules).where(schedules.c.enabled.is_(True), schedules.c.next <= now)
        with self._database.reading() as connection:
            return [ScheduleRecord.of(row) for row in connection.execute(query)]

    def come(self, schedule: ScheduleRecord, times: Mapping[float, RunState], next_time: float) -> bool:
        """Note times that have come, and the next one, in one transaction; whether no other has done it."""
        with self._database.writing() as connection:
            moved = connection.execute(
                update(schedules)
                .where(schedules.c.id == schedule.id, schedules.c.next == schedule.next)
                .values(next=next_time)
            )
            if moved.rowcount != 1:
                return False
            rows = [
                {"schedule": schedule.id, "time": each, "state": state.value} for each, state in times.items()
            ]
            if rows:
                connection.execute(insert(runs), rows)
        return True

    def waiting(self) -> Sequence[RunRecord]:
        """The runs that wait for their data, the oldest first."""
        query = select(runs).where(runs.c.state == RunState.WAITING.value).order_by(runs.c.time)
        with self._database.reading() as connection:
            return [RunRecord.of(row) for row in connection.execute(query)]

    def runs(self, identifier: str, *, limit: int = 50) -> Sequence[RunRecord]:
        """The last times of a schedule, the newest first."""
        query = select(runs).where(runs.c.schedule == identifier).order_by(runs.c.time.desc()).limit(limit)
        with self._database.reading() as connection:
            return [RunRecord.of(row) for row in connection.execute(query)]

    def last_runs(self, identifiers: Collection[str], *, most: int) -> Mapping[str, Sequence[RunRecord]]:
        """The last times of each of some schedules, the newest first."""
        place = func.row_number().over(partition_by=runs.c.schedule, order_by=runs.c.time.desc())
        counted = select(runs, place.label("place")).where(runs.c.schedule.in_(identifiers)).subquery()
        columns = [counted.c[column.name] for column in runs.columns]
        query = select(*columns).where(counted.c.place <= most).order_by(counted.c.time.desc())
        found: dict[str, Any] = {identifier: [] for identifier in identifiers}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found[row.schedule].append(RunRecord.of(row))
        return found

    def note(
        self, run: RunRecord, state: RunState, *, job: str | None = None, error: Any | None = None
    ) -> None:
        """Note what became of a run that waits, or why it waits still."""
        with self._database.writing() as connection:
            connection.execute(
                update(runs)
                .where(
                    runs.c.schedule == run.schedule,
                    runs.c.time == run.time,
                    runs.c.state == RunState.WAITING.value,
                )
                .values(state=state.value, job=job, error=error)
            )
