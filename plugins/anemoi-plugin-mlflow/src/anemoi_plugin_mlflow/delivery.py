"""Brings what a spool holds to MLflow, in order; to begin again after any interruption does no harm."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from anemoi.core.secrets import MASK, masked
from filelock import FileLock, Timeout

from .plots import curves
from .spool import Delivered, Spool
from .store import BATCH, RefusedError, StoredRun

Placed = tuple[dict[str, Any], int]
"""A record, and the place of the next in the spool."""


class DeliveryError(Exception):
    """The store cannot be reached, or cannot be used, at present."""


def prepare_client() -> None:
    """Set up MLflow's client in this process, but for what the user has set.

    The client would repeat a request for minutes by itself: here it reports at once, and the delivery is
    repeated as a whole.
    """
    defaults = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


class Delivery:
    """Delivers the spool of one run.

    Parameters
    ----------
    directory
        The directory of the run.
    uri
        Where to; None is where the run was to be recorded, by the user and the password that MLflow's own
        ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD`` say: the spool has none.
    """

    def __init__(self, directory: Path, *, uri: str | None = None) -> None:
        self.spool = Spool(directory)
        self.uri = uri
        self._delivered = Delivered()
        self._run: StoredRun | None = None
        self._lock = FileLock(self.spool.folder / ".lock")

    def deliver(self, *, ended: bool) -> bool:
        """Deliver all that was recorded since the last time.

        Parameters
        ----------
        ended
            Whether no more will be recorded. If the record has no end then, the run was killed.

        Returns
        -------
        bool
            Whether the end of the run was delivered, and with it everything.

        Raises
        ------
        DeliveryError
            If the store cannot be reached or used. What was delivered before that is remembered.
        """
        with self._alone():
            first = next(self.spool.read(0), None)
            if first is None:
                return ended
            try:
                self._begin(*first)
                self._follow()
                if ended and not self._delivered.finished:
                    self._take(lambda run: run.end("KILLED", None), self._delivered.offset, finished=True)
            except DeliveryError as error:
                self._save(trouble=str(error))
                raise
            self._save(trouble="")
            return self._delivered.finished

    def _begin(self, start: dict[str, Any], offset: int) -> None:
        """Find the run in MLflow, or make it, if that was not done yet."""
        uri = self.uri or start["uri"]
        delivered, shown = self.spool.delivered(), masked(uri)
        self._delivered = delivered if delivered.uri == shown else Delivered(uri=shown)
        if self._run is None:
            try:
                with _trouble():
                    self._run = StoredRun.open(start, _signed_in(uri), self.spool.run_directory)
            except RefusedError as error:
                raise DeliveryError(str(error)) from error
        if self._delivered.run_id != self._run.id:
            self._delivered = Delivered(uri=shown, run_id=self._run.id)
        if not self._delivered.offset:
            self._take(lambda run: run.describe(start), offset)

    def _follow(self) -> None:
        """Deliver the records that are left: metrics many at a time, all else one by one."""
        for batch in _batches(self.spool.read(self._delivered.offset)):
            records, offset = [record for record, _ in batch], batch[-1][1]
            if records[0]["kind"] == "metrics":
                self._metrics(batch)
            elif records[0]["kind"] == "file":
                self._take(partial(StoredRun.file, path=records[0]["path"]), offset)
            elif records[0]["kind"] == "resume":
                self._take(StoredRun.resume, offset)
            elif records[0]["kind"] == "finish":
                self._take(lambda run: run.figures(curves(self._all_metrics())), self._delivered.offset)
                end = records[0]
                self._take(
                    partial(StoredRun.end, status=end["status"], time=end["time"]), offset, finished=True
                )

    def _metrics(self, batch: list[Placed]) -> None:
        """Deliver a batch of metrics; if it is refused, one by one, so that the good ones are not lost."""
        try:
            with _trouble():
                self._open_run.metrics(record for record, _ in batch)
        except RefusedError:
            for record, offset in batch:
                self._take(partial(StoredRun.metrics, records=[record]), offset)
        else:
            self._save(offset=batch[-1][1])

    def _take(self, send: Callable[[StoredRun], None], offset: int, *, finished: bool = False) -> None:
        """Deliver one thing, and remember that it was delivered, or refused for good."""
        refused = self._delivered.refused
        try:
            with _trouble():
                send(self._open_run)
        except RefusedError as error:
            print(f"Refused, at {offset} in the spool: {masked(str(error))}", flush=True)
            refused += 1
        self._save(offset=offset, refused=refused, finished=finished)

    def _save(self, **changes: Any) -> None:
        self._delivered = dataclasses.replace(self._delivered, **changes)
        self.spool.save(self._delivered)

    def _all_metrics(self) -> Iterator[dict[str, Any]]:
        return (record for record, _ in self.spool.read(0) if record["kind"] == "metrics")

    @property
    def _open_run(self) -> StoredRun:
        assert self._run is not None
        return self._run

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._lock.acquire(timeout=0):
                yield
        except Timeout as error:
            raise DeliveryError("Another process is delivering this run.") from error


def _batches(records: Iterable[Placed]) -> Iterator[list[Placed]]:
    """Consecutive metrics together, as many as MLflow takes at a time; every other record by itself."""
    batch: list[Placed] = []
    count = 0
    for placed in records:
        size = len(placed[0]["values"]) if placed[0]["kind"] == "metrics" else BATCH
        if batch and count + size > BATCH:
            yield batch
            batch, count = [], 0
        batch.append(placed)
        count += size
    if batch:
        yield batch


def _signed_in(uri: str) -> str:
    """Give the URI of a server without user and password, and these to MLflow, which prints its URI."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return uri
    information, _, host = parts.netloc.rpartition("@")
    if information != MASK:
        user, _, password = information.partition(":")
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
    return urlunsplit(parts._replace(netloc=host))


@contextmanager
def _trouble() -> Iterator[None]:
    """Tell what a store will never take from trouble that may pass.

    A store is someone else's code, and there is no end to what it may raise.
    """
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        # Several lines of a driver's or a proxy's page are of no use in a message.
        raise DeliveryError(masked(" ".join(str(error).split()))[:300] or repr(error)) from error
