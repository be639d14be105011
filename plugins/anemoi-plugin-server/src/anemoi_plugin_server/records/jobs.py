"""Jobs and their states."""

from __future__ import annotations

import enum
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anemoi.core.errors import NotThereError, RequestError
from sqlalchemy import Row, delete, func, insert, select, tuple_, update

from .engine import Database
from .tables import jobs


class State(str, enum.Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = (State.FINISHED, State.FAILED, State.CANCELLED)
"""The states that a job stays in."""


_IDENTIFIER: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class JobRecord:
    """What is known of a job.

    Parameters
    ----------
    id
        Its identifier.
    kind, options
        The component of the kind ``job``, and its options.
    owner
        The name of the user who asked for it.
    schedule
        The schedule that asked for it, if one did.
    request
        The identifier of the request that asked for it.
    state
        Where it stands.
    created, started, ended
        Seconds since 1970, UTC.
    worker
        Who has it, or had it last.
    attempt
        How often it was begun.
    losses
        How often its worker was lost.
    done, total
        Steps; a total of 0 is not known.
    cancelling
        Whether it is to end.
    error
        Of a failed one: ``what``, ``fix`` and ``exit_code``.
    result, size
        The digest of its result, and the size in bytes.
    revision
        Grows with each change.
    """

    id: str
    kind: str
    options: Mapping[str, Any]
    owner: str
    schedule: str | None
    request: str | None
    state: State
    created: float
    started: float | None
    ended: float | None
    worker: str | None
    attempt: int
    losses: int
    done: int
    total: int
    cancelling: bool
    error: Mapping[str, Any] | None
    result: str | None
    size: int
    revision: int

    @classmethod
    def of(cls, row: Row[Any]) -> JobRecord:
        """From a row of the table."""
        return cls(**{**row._mapping, "state": State(row.state)})


class JobRecords:
    """The jobs of a server. Every change is one transaction.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        kind: str,
        options: Mapping[str, Any],
        *,
        owner: str,
        schedule: str | None = None,
        request: str | None = None,
        identifier: str | None = None,
    ) -> JobRecord:
        """Add a job to the end of the queue. Its options have been checked.

        Where ``identifier`` is given, a job that has it already is given back instead.
        """
        if identifier is not None and (found := self.several([identifier])):
            return found[identifier]
        identifier = identifier or secrets.token_hex(16)
        with self._database.writing() as connection:
            connection.execute(
                insert(jobs).values(
                    id=identifier,
                    kind=kind,
                    options=dict(options),
                    owner=owner,
                    schedule=schedule,
                    request=request,
                    state=State.QUEUED.value,
                    created=time.time(),
                )
            )
        return self.get(identifier)

    def get(self, identifier: str) -> JobRecord:
        """One job.

        Raises
        ------
        NotThereError
            If there is none.
        """
        found = self.several([identifier]) if _IDENTIFIER.fullmatch(identifier) else {}
        if identifier not in found:
            raise NotThereError(f"There is no job {identifier}.", fix="It may have been removed.")
        return found[identifier]

    def several(self, identifiers: Collection[str]) -> dict[str, JobRecord]:
        """Those of some jobs that there are, by identifier."""
        with self._database.reading() as connection:
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(identifiers)))
            return {row.id: JobRecord.of(row) for row in rows}

    def list(
        self,
        *,
        owner: str | None = None,
        states: Collection[State] = (),
        before: tuple[float, str] | None = None,
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        """The newest jobs first.

        Parameters
        ----------
        owner
            Of this user alone.
        states
            In one of these states alone; all if there are none.
        before
            Older than the job that was created then and has this identifier: the last one of the page before.
        limit
            How many at most.
        """
        query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        if states:
            query = query.where(jobs.c.state.in_([state.value for state in states]))
        if before is not None:
            query = query.where(tuple_(jobs.c.created, jobs.c.id) < before)
        with self._database.reading() as connection:
            return [JobRecord.of(row) for row in connection.execute(query)]

    def counts(self, *, owner: str | None = None) -> dict[State, int]:
        """How many jobs are in each state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in State}

    def ended_before(
        self, moment: float, *, without: Collection[str] = (), limit: int = 500
    ) -> Sequence[JobRecord]:
        """The jobs that ended before a time, without some."""
        query = (
            select(jobs)
            .where(jobs.c.state.in_([state.value for state in ENDED]), jobs.c.ended < moment)
            .where(jobs.c.id.not_in(without))
            .order_by(jobs.c.created)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [JobRecord.of(row) for row in connection.execute(query)]

    def refers_to(self, result: str) -> bool:
        """Whether a job has the result of this digest."""
        query = select(jobs.c.id).where(jobs.c.result == result).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).one_or_none() is not None

    def usage(self, owner: str) -> int:
        """How many bytes the results of a user take, each counted once."""
        own = select(jobs.c.result, jobs.c.size).where(jobs.c.owner == owner, jobs.c.result.is_not(None))
        query = select(func.coalesce(func.sum(own.distinct().subquery().c.size), 0))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def claim(self, worker: str, *, without: Collection[str] = ()) -> JobRecord | None:
        """Take the job that has waited longest, and begin its next attempt; None if none waits.

        Parameters
        ----------
        worker
            Who takes it.
        without
            Kinds that are left where they are.
        """
        waiting = (
            select(jobs.c.id)
            .where(jobs.c.state == State.QUEUED.value)
            .order_by(jobs.c.created, jobs.c.id)
            .limit(1)
        )
        if without:
            waiting = waiting.where(jobs.c.kind.not_in(without))
        while True:
            with self._database.writing() as connection:
                identifier = connection.execute(waiting).scalar()
                if identifier is None:
                    return None
                taken = connection.execute(
                    update(jobs)
                    .where(jobs.c.id == identifier, jobs.c.state == State.QUEUED.value)
                    .values(
                        state=State.RUNNING.value,
                        worker=worker,
                        started=func.coalesce(jobs.c.started, time.time()),
                        attempt=jobs.c.attempt + 1,
                        revision=jobs.c.revision + 1,
                    )
                )
            if taken.rowcount == 1:  # else it has been cancelled, or taken by another
                return self.get(identifier)

    def advance(self, job: JobRecord, done: int, total: int) -> bool:
        """Note how far an attempt is; whether it is still the one that has the job."""
        return self._change(job, done=done, total=total)

    def end(
        self,
        job: JobRecord,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        result: str | None = None,
        size: int = 0,
    ) -> bool:
        """End an attempt and its job; whether it still had the job. One that was lost cannot end it."""
        return self._change(
            job,
            state=state.value,
            ended=time.time(),
            error=None if error is None else dict(error),
            result=result,
            size=size,
        )

    def requeue(self, job: JobRecord, *, lost: bool = False) -> bool:
        """Put a job back to where it was in the queue; whether the attempt still had the job.

        Parameters
        ----------
        job
            The attempt that is over.
        lost
            Whether its worker was lost, which is counted.
        """
        return self._change(job, state=State.QUEUED.value, worker=None, losses=jobs.c.losses + int(lost))

    def cancel(self, identifier: str) -> JobRecord:
        """Cancel a job that waits, and ask for the end of one that runs; an ended one stays as it is.

        Raises
        ------
        NotThereError
            If there is none.
        """
        with self._database.writing() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == identifier, jobs.c.state == State.QUEUED.value)
                .values(
                    state=State.CANCELLED.value,
                    cancelling=True,
                    ended=time.time(),
                    revision=jobs.c.revision + 1,
                )
            )
            connection.execute(
                update(jobs)
                .where(jobs.c.id == identifier, jobs.c.state == State.RUNNING.value)
                .values(cancelling=True, revision=jobs.c.revision + 1)
            )
        return self.get(identifier)

    def delete(self, identifier: str) -> None:
        """Forget a job that has ended.

        Raises
        ------
        NotThereError
            If there is none.
        RequestError
            If it waits or runs.
        """
        with self._database.writing() as connection:
            gone = connection.execute(
                delete(jobs).where(
                    jobs.c.id == identifier, jobs.c.state.in_([state.value for state in ENDED])
                )
            )
        if not gone.rowcount:
            job = self.get(identifier)
            raise RequestError(f"The job {identifier} is {job.state.value}.", fix="Cancel it first.")

    def _change(self, job: JobRecord, **values: Any) -> bool:
        with self._database.writing() as connection:
            changed = connection.execute(
                update(jobs)
                .where(
                    jobs.c.id == job.id,
                    jobs.c.attempt == job.attempt,
                    jobs.c.state == State.RUNNING.value,
                )
                .values(revision=jobs.c.revision + 1, **values)
            )
        return changed.rowcount == 1
