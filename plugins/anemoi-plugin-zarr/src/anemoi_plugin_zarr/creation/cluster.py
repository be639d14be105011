"""Writes the dates of a data set on the workers of a Dask cluster, all of which see the directory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from importlib import import_module

from anemoi.core.cluster import cluster
from anemoi.core.errors import AnemoiError

from .work import Work, Writer


def write_dates_on_cluster(
    work: Work, dates: Sequence[int], address: str | None, workers: int
) -> Iterator[int]:
    """Write ``dates``, and yield each when it is written; they come in any order.

    The dates of a worker that is lost are written by others: each is a file of its own.

    Parameters
    ----------
    address, workers
        As for :func:`anemoi.core.cluster.cluster`: of its scheduler, and how many processes a local one has.

    Raises
    ------
    AbsentError, ResourceError
        As :func:`anemoi.core.cluster.cluster`.
    AnemoiError
        If a date cannot be read or written. Those that were, stay.
    """
    with cluster(address, processes=workers, requirement="anemoi-plugin-zarr[dask]") as client:
        distributed = import_module("distributed")
        token = uuid.uuid4().hex
        futures = client.map(_write, dates, work=work, token=token, pure=False, key=f"create-{token}")
        try:
            for _, date in distributed.as_completed(futures, with_results=True):
                yield date
        except distributed.KilledWorker as error:
            raise AnemoiError(
                "Workers of the cluster were lost again and again; they may have run out of memory.",
                fix="Give them more, or use fewer, and repeat the command: it goes on where it was.",
            ) from error
        finally:
            client.cancel(futures)


_kept = threading.local()
"""The writer of a thread of a worker, and which creation it is for: not every source bears two threads."""


def _write(date: int, work: Work, token: str) -> int:
    """Write a date on a worker, which opens the source once."""
    if getattr(_kept, "token", None) != token:
        _kept.token, _kept.writer = token, Writer(work)
    writer: Writer = _kept.writer
    return writer.write(date, writer.read(date))
