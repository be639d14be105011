"""Follows one attempt by the events that its process writes, and says in the end what went wrong."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AnemoiError, ResourceError

from ..job import Job, Progress
from .attempt import Attempt, Ended

log = logging.getLogger("anemoi.server")

_MARK: Final = "Error: "
_TAIL: Final = 4096
_SIGNALLED: Final = 128
"""What shells add to the number of a signal for the exit code of what it ended."""


class Following:
    """What is known of a running attempt.

    Parameters
    ----------
    attempt
        The attempt, whose directory is there.
    job
        The job, which makes progress of events.

    Attributes
    ----------
    progress
        How far it is, as of the last :meth:`read`.
    kept
        The event with the digest and the size of its result, once it is on the shelf.
    """

    def __init__(self, attempt: Attempt, job: Job) -> None:
        self.attempt, self._job = attempt, job
        self._directory = Path(attempt.directory)
        self._events = self._directory / job.events
        self._place, self._said = _size(self._events), _size(self._directory / "stderr")
        self._rest = b""
        self.progress = Progress(0, 0)
        self.kept: Mapping[str, Any] | None = None
        self._failed: Mapping[str, Any] | None = None

    def read(self) -> Progress:
        """Read the events since the last time."""
        for event in self._new():
            if event["event"] == "begun" and event.get("attempt") == self.attempt.number:
                # What came before was the end of the attempt before.
                self.progress, self.kept, self._failed = Progress(0, 0), None, None
            elif event["event"] == "kept":
                self.kept = event
            elif event["event"] == "failed":
                self._failed = event
            else:
                try:
                    self.progress = self._job.progress(self.progress, event)
                except Exception:  # a mistake of the plugin, which must not end the job
                    log.exception("The progress of job %s could not be computed.", self.attempt.job)
        return self.progress

    def error(self, ended: Ended) -> dict[str, Any]:
        """What went wrong, after the last :meth:`read`: ``what``, ``fix`` and ``exit_code``."""
        if ended.exceeded == "time":
            return _exceeded(
                f"The job ran longer than the limit of {_hours(self.attempt.time_limit)}.", "time"
            )
        memory = f"{self.attempt.memory_limit / 2**30:.3g} GiB"
        if ended.exceeded == "memory":
            return _exceeded(f"The job took more memory than the limit of {memory}.", "memory")
        code = ended.code or 0
        if self._failed is not None and code > 0:
            what, fix = (self._own(self._failed[key] or "") for key in ("error", "fix"))
            return _error(what, fix or None, code)
        if code < 0:
            name = signal.Signals(-code).name
            return _error(f"The process of the job was ended by {name}.", None, _SIGNALLED - code)
        said = self._own(self._last_words()) or f"The command ended with exit code {code} and said nothing."
        if code == ResourceError.exit_code and "memory" in said:
            return _exceeded(f"{said} The limit is {memory}.", "memory")
        return _error(said, None, code or 1)

    def _own(self, text: str) -> str:
        """A text that names files as the job does, and not where they are on the server."""
        return text.replace(f"{self._directory}/", "")

    def _new(self) -> Iterator[Mapping[str, Any]]:
        try:
            with self._events.open("rb") as file:
                file.seek(self._place)
                more = file.read()
        except FileNotFoundError:
            return
        self._place += len(more)
        *lines, self._rest = (self._rest + more).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:  # a line that a kill has torn
                continue
            if isinstance(event, dict) and "event" in event:
                yield event

    def _last_words(self) -> str:
        """What the process said of its error on stderr, without a traceback."""
        try:
            with (self._directory / "stderr").open("rb") as file:
                file.seek(max(self._said, _size(self._directory / "stderr") - _TAIL))
                text = file.read().decode(errors="replace").strip()
        except OSError:
            return ""
        before, mark, told = text.rpartition(_MARK)
        if mark and (not before or before.endswith("\n")):
            return told
        return text.splitlines()[-1] if text else ""


def error_as_json(error: AnemoiError) -> dict[str, Any]:
    """An error as the record of a job has it."""
    return _error(error.what, error.fix, error.exit_code)


def lost(why: str, times: int) -> dict[str, Any]:
    """The error of a job that is not begun again."""
    count = "once" if times == 1 else f"{times} times"
    return _error(
        f"Its worker was lost {count}, at last because {why}.",
        "See that workers have the memory that it takes, or ask for less at once.",
        ResourceError.exit_code,
    )


def _exceeded(what: str, limit: str) -> dict[str, Any]:
    return _error(
        what,
        f"Ask for less at once, or have the operator raise running.{limit}_limit.",
        ResourceError.exit_code,
    )


def _error(what: str, fix: str | None, code: int) -> dict[str, Any]:
    return {"what": what, "fix": fix, "exit_code": code}


def _hours(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h" if hours and not rest else f"{seconds:g} s"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
