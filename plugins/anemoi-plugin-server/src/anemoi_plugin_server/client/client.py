"""The client."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx
from anemoi.core.errors import NotThereError, ResourceError

from .answers import check, reaching
from .fetching import fetch_file

ENDED: Final = ("finished", "failed", "cancelled")
PATIENCE: Final = 60.0
"""For how many seconds a server that has gone away while a job is watched is waited for."""
PAUSE: Final = 1.0

Json = dict[str, Any]


class Client:
    """Asks a server for jobs, and fetches what they make.

    Every method raises the errors of the command line, with their exit codes, and :class:`ResourceError` if
    the server does not answer.

    Parameters
    ----------
    url
        The address of the server: ``http://localhost:8080``.
    token
        What says who asks, if the server wants to know.
    timeout
        How many seconds an answer may take.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60.0) -> None:
        self.url = url.rstrip("/")
        with reaching(url):
            self._http = httpx.Client(
                base_url=f"{self.url}/api/v1",
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=timeout,
            )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(self, kind: str, /, **options: Any) -> Json:
        """Put a job in the queue.

        Parameters
        ----------
        kind
            What: ``forecast``.
        **options
            Its options.
        """
        return self._ask("POST", "/jobs", json={"kind": kind, "options": options})

    def get(self, job: str) -> Json:
        """A job by its identifier."""
        return self._ask("GET", f"/jobs/{job}")

    def list(self, *, states: Sequence[str] = (), owner: str | None = None) -> Iterator[Json]:
        """The jobs, the newest first; pages are asked for as they are needed."""
        asked: Json = {"state": list(states), **({"owner": owner} if owner else {})}
        while True:
            page = self._ask("GET", "/jobs", params=asked)
            yield from page["jobs"]
            if page["next"] is None:
                return
            asked["before"] = page["next"]

    def watch(self, job: str) -> Iterator[Json]:
        """The job as it is now, and again each time that it has changed, until it has ended.

        A server that goes away, to be started anew, is waited for.
        """
        known, heard = self.get(job), time.monotonic()
        yield known
        while known["state"] not in ENDED:
            with suppress(ResourceError):
                for told in self._changes(known):
                    known, heard = told, time.monotonic()
                    yield known
                heard = time.monotonic()  # the server has ended the stream, because it is about to stop
            if known["state"] not in ENDED:
                time.sleep(PAUSE)
                if time.monotonic() - heard > PATIENCE:
                    self.get(job)  # which says why there is no answer

    def cancel(self, job: str) -> Json:
        """Cancel a job that waits, or ask one that runs to end."""
        return self._ask("POST", f"/jobs/{job}/cancel")

    def delete(self, job: str) -> None:
        """Forget a job that has ended, with its result."""
        self._remove(f"/jobs/{job}")

    def manifest(self, job: str) -> Json:
        """What the result of a finished job consists of."""
        return self._ask("GET", f"/results/{job}")

    def fetch(self, job: str, directory: str | os.PathLike[str]) -> Sequence[Path]:
        """Fetch the result of a finished job, or what is missing of it; every file is verified.

        Parameters
        ----------
        job
            Its identifier.
        directory
            Where the files go.
        """
        entries = self.manifest(job)["files"]
        with reaching(self.url):
            return [
                fetch_file(self._http, f"/results/{job}/files", each, Path(directory)) for each in entries
            ]

    def schedule(self, kind: str, options: Json, *, cron: str, patience: str = "12h") -> Json:
        """Have a job submitted at set times, each time when its data are there.

        Parameters
        ----------
        kind, options
            The job; ``{date}`` in its options is the time of each run.
        cron
            When: minute, hour, day, month and day of the week, UTC; ``0 0,12 * * *`` is 00 and 12 every day.
        patience
            How long a run waits for its data.
        """
        asked = {"kind": kind, "options": options, "cron": cron, "patience": patience}
        return self._ask("POST", "/schedules", json=asked)

    def schedules(self) -> Sequence[Json]:
        """The schedules, each with what became of its last times."""
        found: Sequence[Json] = self._ask("GET", "/schedules")["schedules"]
        return found

    def pause_schedule(self, schedule: str) -> Json:
        """Let a schedule rest."""
        return self._ask("POST", f"/schedules/{schedule}/pause")

    def resume_schedule(self, schedule: str) -> Json:
        """Let the times of a schedule come again, from now on."""
        return self._ask("POST", f"/schedules/{schedule}/resume")

    def remove_schedule(self, schedule: str) -> None:
        """Remove a schedule; its jobs stay."""
        self._remove(f"/schedules/{schedule}")

    def models(self) -> Sequence[Json]:
        """The models of the server."""
        found: Sequence[Json] = self._ask("GET", "/models")["models"]
        return found

    def upload(self, name: str, path: str | os.PathLike[str], *, overwrite: bool = False) -> Json:
        """Give the server a checkpoint.

        Parameters
        ----------
        name
            What jobs will call it.
        path
            The file.
        overwrite
            Whether one of this name is replaced.
        """
        try:
            with Path(path).open("rb") as file:
                return self._ask("PUT", f"/models/{name}", content=file, params={"overwrite": overwrite})
        except FileNotFoundError:
            raise NotThereError(f"There is no file {path}.", fix="Check its path.") from None

    def remove_model(self, name: str) -> None:
        """Remove a model that no job which waits or runs, and no schedule, needs."""
        self._remove(f"/models/{name}")

    def _ask(self, method: str, path: str, **how: Any) -> Json:
        with reaching(self.url):
            found: Json = check(self._http.request(method, path, **how)).json()
        return found

    def _remove(self, path: str) -> None:
        with reaching(self.url):
            check(self._http.delete(path))

    def _changes(self, known: Json) -> Iterator[Json]:
        """A job each time that it has changed, as long as the server tells of it."""
        for revision, told in self._events(known["id"], known["revision"]):
            known = {**known, **told, "revision": revision}
            yield known
        if (now := self.get(known["id"]))["revision"] != known["revision"]:
            yield now

    def _events(self, job: str, seen: int) -> Iterator[tuple[int, Json]]:
        """The events of a job from a revision on, as they come."""
        headers = {"Last-Event-ID": str(seen)}
        with reaching(self.url), self._http.stream("GET", f"/jobs/{job}/events", headers=headers) as stream:
            event: dict[str, str] = {}
            for line in check(stream).iter_lines():
                key, _, value = line.partition(": ")
                if key:
                    event[key] = value
                elif "data" in event:
                    yield int(event["id"]), json.loads(event["data"])
                    event = {}
