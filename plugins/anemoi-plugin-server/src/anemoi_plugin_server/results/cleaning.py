"""Clears away what is too old, and what nobody refers to any more."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.files import hidden_beside, remove
from anemoi.core.times import parse_duration

from ..records import JobRecord, JobRecords, State
from ..services import Services

log = logging.getLogger("anemoi.server")

EVERY: Final = 600.0
"""How many seconds lie between two times that a server cleans up."""

GRACE: Final = 3600.0
"""How old what nobody refers to must be, in seconds: a job keeps its result before it is recorded."""

BATCH: Final = 500
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{32}")
_PARTIAL: Final = ".partial"


class Cleaner:
    """Cleans up the data directory of a server.

    Parameters
    ----------
    services
        The parts of the server.
    """

    def __init__(self, services: Services) -> None:
        age = services.settings.keeping.age
        self._age = None if age is None else float(parse_duration(age) / np.timedelta64(1, "s"))
        self._jobs, self._place = services.jobs, services.settings.place

    def clean(self, now: float | None = None) -> None:
        """Forget jobs that ended too long ago, and remove results and work that no job refers to.

        What a job that waits or runs names in its options stays, and so does what another job shares.

        Raises
        ------
        ResourceError
            If the database cannot be used.
        """
        now = time.time() if now is None else now
        if self._age is not None:
            self._forget(now - self._age)
        for directory in self._old(self._place / "work", now):
            if _IDENTIFIER.fullmatch(directory.name) and not self._jobs.several([directory.name]):
                self._remove(directory)
        for directory in self._old(self._place / "results", now):
            if not self._jobs.refers_to(directory.name):
                self._remove_result(directory, now)
        for partial in self._old(self._place / "models", now):
            if partial.name.startswith(".") and partial.name.endswith(_PARTIAL):
                self._remove(partial)

    def _forget(self, before: float) -> None:
        keep = named_by_active(self._jobs)
        while old := self._jobs.ended_before(before, without=keep, limit=BATCH):
            for job in old:
                self._jobs.delete(job.id)

    def _old(self, directory: Path, now: float) -> Iterator[Path]:
        """What in a directory nobody has changed for a while."""
        for path in sorted(directory.iterdir()):
            if path.lstat().st_mtime < now - GRACE:
                yield path

    def _remove_result(self, directory: Path, now: float) -> None:
        """Take a result from the shelf, look once more whether a job refers to it by now, and remove it."""
        aside = hidden_beside(directory)
        directory.rename(aside)
        if self._jobs.refers_to(directory.name) or aside.stat().st_mtime >= now - GRACE:
            aside.rename(directory)
        else:
            self._remove(aside)

    def _remove(self, path: Path) -> None:
        log.info("%s is removed: nobody refers to it.", path.relative_to(self._place))
        remove(path)


def named_by_active(jobs: JobRecords) -> set[str]:
    """The jobs that those which wait or run name in their options: what they need."""
    found: set[str] = set()
    for job in jobs.list(states=[State.QUEUED, State.RUNNING], limit=100_000):
        found.update(_names(job.options))
    return found


def is_needed(jobs: JobRecords, job: JobRecord) -> bool:
    """Whether a job that waits or runs needs the result of this one."""
    return job.result is not None and job.id in named_by_active(jobs)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _IDENTIFIER.fullmatch(value):
            yield value
    elif isinstance(value, Collection):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _names(each)
