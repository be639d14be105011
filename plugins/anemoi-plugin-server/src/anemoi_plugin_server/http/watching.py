"""Watches jobs for all who ask, with one look at the database for all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final

from anemoi.core.errors import ResourceError
from starlette.concurrency import run_in_threadpool

from ..records import ENDED, JobRecord, JobRecords

INTERVAL: Final = 0.5
"""How many seconds lie between two looks at the database, however many watch."""

SILENCE: Final = 15.0
"""After how many seconds without news one is told that there are none, which shows who has gone away."""


class Watcher:
    """Tells of changes of jobs.

    One task looks while anybody watches, and ends when nobody does any more.

    Parameters
    ----------
    jobs
        The records of jobs.
    interval
        How many seconds lie between two looks.
    """

    def __init__(self, jobs: JobRecords, *, interval: float = INTERVAL) -> None:
        self._jobs, self._interval = jobs, interval
        self._watched: Counter[str] = Counter()
        self._asked: frozenset[str] = frozenset()
        self._found: Mapping[str, JobRecord] = {}
        self._looked = asyncio.Event()  # a new one for each look
        self._task: asyncio.Task[None] | None = None
        self.looks = 0

    @property
    def watched(self) -> int:
        """How many jobs are watched."""
        return len(self._watched)

    async def changes(self, job: JobRecord) -> AsyncIterator[JobRecord | None]:
        """The job each time that it has changed, until it has ended or been removed.

        Whoever is slow misses what lies between. None says that nothing has changed for a while.

        Parameters
        ----------
        job
            As it is known already.
        """
        self._watched[job.id] += 1
        try:
            while job.state not in ENDED:
                try:
                    found = await asyncio.wait_for(self._next_look(job.id), SILENCE)
                except asyncio.TimeoutError:
                    yield None
                    continue
                if found is None:
                    return
                if found.revision != job.revision:
                    job = found
                    yield job
        finally:
            self._watched[job.id] -= 1
            self._watched = +self._watched  # without those that nobody watches

    async def _next_look(self, identifier: str) -> JobRecord | None:
        """A job as the next look finds it; None if it is no longer there."""
        while True:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look())
            looked = self._looked
            await looked.wait()
            if identifier in self._asked:  # it was among those that this look was for
                return self._found.get(identifier)

    async def _look(self) -> None:
        while self._watched:
            asked = frozenset(self._watched)
            with suppress(ResourceError):  # a database that is away for a while
                self._found = await run_in_threadpool(self._jobs.several, asked)
                self._asked = asked
                self.looks += 1
                self._announce()
            await asyncio.sleep(self._interval)

    def _announce(self) -> None:
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
